//! A downloader with a window: GTK's loop, and evcore in it. The clock keeps
//! going because nothing ever waits; there is no thread and no channel.
//!
//!     cargo run -p hosted --features gtk --bin gtk          # brings its own server
//!     cargo run -p hosted --features gtk --bin gtk -- URL...

use std::cell::RefCell;
use std::rc::Rc;

use evhttp::PROGRESS;
use gtk4::glib::{self, ControlFlow};
use gtk4::prelude::*;
use gtk4::{
    Align, Application, ApplicationWindow, Box, Button, CssProvider, Entry, HeaderBar, Label,
    ListBox, Orientation, ProgressBar, ScrolledWindow, Spinner, pango,
};
use hosted::{Download, PATHS, Trace};

fn main() -> evcore::Result<()> {
    evglib::attach(); // from here on evcore turns in GTK's loop
    let mut urls: Vec<String> = std::env::args().skip(1).collect();
    if urls == ["--trace"] {
        return trace();
    }
    let server = hosted::server()?;
    if urls.is_empty() {
        urls = PATHS[1..]
            .iter()
            .map(|path| format!("http://{}{path}", server.local_addr()))
            .collect();
    }
    println!("serving http://{}/", server.local_addr());
    let app = Application::builder()
        .application_id("org.evcore.Downloader")
        .build();
    app.connect_activate(move |app| window(app, &urls));
    app.run_with_args::<&str>(&[]);
    Ok(())
}

/// A row of the list and its download; leaving the list ends it.
fn row(download: &Download) -> Box {
    let name = Label::builder()
        .label(&download.name)
        .xalign(0.0)
        .hexpand(true)
        .css_classes(["name"])
        .build();
    let line = Label::builder()
        .label(download.line())
        .xalign(0.0)
        .ellipsize(pango::EllipsizeMode::End)
        .css_classes(["line"])
        .build();
    let bar = ProgressBar::builder()
        .hexpand(true)
        .valign(Align::Center)
        .build();
    let cancel = Button::builder()
        .label("Cancel")
        .valign(Align::Center)
        .css_classes(["cancel"])
        .build();
    let (texts, row) = (
        Box::new(Orientation::Vertical, 6),
        Box::new(Orientation::Horizontal, 18),
    );
    texts.append(&name);
    texts.append(&bar);
    texts.append(&line);
    row.append(&texts);
    row.append(&cancel);
    row.add_css_class("download");

    let page = download.page.clone().on(PROGRESS, {
        let (download, bar, line) = (download.clone(), bar.clone(), line.clone());
        move |_| {
            bar.set_fraction(download.fraction());
            line.set_label(&download.line());
        }
    });
    cancel.connect_clicked({
        let page = page.clone();
        move |_| page.cancel()
    });
    page.settled({
        let (download, shown) = (download.clone(), row.clone());
        move |_| {
            println!("{}: {}", download.name, download.line());
            line.set_label(&download.line());
            cancel.set_sensitive(false);
            match () {
                () if download.failed() => shown.add_css_class("failed"),
                () => bar.set_fraction(1.0),
            }
        }
    });
    row
}

fn window(app: &Application, urls: &[String]) {
    let styles = CssProvider::new();
    styles.load_from_data(STYLES);
    let list = ListBox::builder()
        .selection_mode(gtk4::SelectionMode::None)
        .build();
    let entry = Entry::builder()
        .placeholder_text("http://…")
        .hexpand(true)
        .build();
    let start = Button::builder()
        .label("Download")
        .css_classes(["suggested-action"])
        .build();
    let top = Box::builder().spacing(12).css_classes(["top"]).build();
    top.append(&entry);
    top.append(&start);

    let begin = Rc::new({
        let list = list.clone();
        move |url: &str| list.append(&row(&Download::start(url)))
    });
    urls.iter().for_each(|url| begin(url));
    start.connect_clicked({
        let entry = entry.clone();
        move |_| entry.emit_activate()
    });
    entry.connect_activate(move |entry| {
        begin(&entry.text());
        entry.set_text("");
    });

    let header = HeaderBar::new();
    header.set_title_widget(Some(
        &Label::builder()
            .label("Downloads")
            .css_classes(["title"])
            .build(),
    ));
    header.pack_start(&Spinner::builder().spinning(true).build());
    header.pack_end(&clock());
    let all = Box::new(Orientation::Vertical, 0);
    all.append(&top);
    all.append(&ScrolledWindow::builder().child(&list).vexpand(true).build());
    let window = ApplicationWindow::builder()
        .application(app)
        .title("Downloads")
        .child(&all);
    let window = window.default_width(720).default_height(520).build();
    window.set_titlebar(Some(&header));
    let display = gtk4::prelude::WidgetExt::display(&window);
    gtk4::style_context_add_provider_for_display(
        &display,
        &styles,
        gtk4::STYLE_PROVIDER_PRIORITY_APPLICATION,
    );
    window.present();
}

/// Seconds since the start, painted anew every frame.
fn clock() -> Label {
    let began = std::time::Instant::now();
    let clock = Label::builder().css_classes(["clock"]).build();
    clock.add_tick_callback(move |clock, _| {
        clock.set_label(&format!("{:.2} s", began.elapsed().as_secs_f64()));
        ControlFlow::Continue
    });
    clock
}

/// What all hosts do alike, without the window.
fn trace() -> evcore::Result<()> {
    let main_loop = glib::MainLoop::new(None, false);
    let trace = Rc::new(RefCell::new(None));
    let (started, over) = (trace.clone(), main_loop.clone());
    glib::idle_add_local_once(move || {
        let trace = Trace::start().expect("a server on loopback");
        trace.done().then(move |()| over.quit());
        started.replace(Some(trace));
    });
    main_loop.run();
    println!("{}", trace.take().expect("it has run").text());
    Ok(())
}

const STYLES: &str = "
window { background: #fafafa; color: #1d1d20; font-family: 'DejaVu Sans'; }
.title { font-weight: bold; }
.clock { font-feature-settings: 'tnum'; opacity: 0.6; }
.top { padding: 18px; }
list { background: transparent; margin: 0 18px 18px 18px; border-radius: 12px; }
row { background: #ffffff; border-bottom: 1px solid #ececf0; }
row:first-child { border-radius: 12px 12px 0 0; }
row:last-child { border-radius: 0 0 12px 12px; border-bottom: none; }
.download { padding: 14px 16px; }
.name { font-weight: bold; }
progressbar trough { min-height: 8px; border-radius: 4px; background: #e4e4ea; border: none; }
progressbar progress { min-height: 8px; min-width: 8px; margin: 0; border-radius: 4px; background: #3584e4; border: none; }
.failed progressbar progress { background: #b8b8c2; }
.failed .line { color: #c01c28; }
.cancel:not(:disabled) { color: #c01c28; }
";
