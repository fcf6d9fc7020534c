//! The same downloader drawn anew each frame: egui in winit's loop, and evcore
//! in it. A frame asks each promise what there is to show, by `peek`.
//!
//!     cargo run -p hosted --features egui --bin egui
//!
//! `--threaded` leaves winit its own loop and has a thread wait in its stead.

use eframe::egui::{self, Color32, Key, ProgressBar, RichText, TextEdit};
use eframe::{NativeOptions, UserEvent};
use evhttp::PROGRESS;
use hosted::{Download, PATHS, Trace};
use winit::event_loop::EventLoop;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (traced, threaded) = (has("--trace"), has("--threaded"));
    let server = hosted::server()?;
    let home = format!("http://{}", server.local_addr());
    println!("serving {home}/");
    let event_loop = EventLoop::<UserEvent>::with_user_event().build()?;
    let proxy = event_loop.create_proxy();
    let options = NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([720.0, 520.0]),
        ..NativeOptions::default()
    };
    let make: eframe::AppCreator<'_> = Box::new(move |created| {
        look(&created.egui_ctx);
        let mut app = App::new(created.egui_ctx.clone());
        match traced {
            true => app.trace()?,
            false => PATHS[1..]
                .iter()
                .for_each(|path| app.begin(&format!("{home}{path}"))),
        }
        Ok(Box::new(app))
    });
    let mut app = eframe::create_native("Downloads", options, make, &event_loop);
    if threaded {
        let repaint = || UserEvent::RequestRepaint {
            viewport_id: egui::ViewportId::ROOT,
            when: std::time::Instant::now(),
            cumulative_pass_nr: 0,
        };
        event_loop.run_app(&mut evwinit::Hosted::new(app, proxy, repaint)?)?;
    } else {
        evwinit::run(event_loop, &mut app)?;
    }
    Ok(())
}

struct App {
    ctx: egui::Context,
    url: String,
    downloads: Vec<Download>,
    trace: Option<Trace>,
}

impl App {
    fn new(ctx: egui::Context) -> App {
        App {
            ctx,
            url: String::new(),
            downloads: Vec::new(),
            trace: None,
        }
    }

    fn begin(&mut self, url: &str) {
        let download = Download::start(url);
        self.show(download);
    }

    /// A frame is due whenever there is something new to draw.
    fn show(&mut self, download: Download) {
        let (progress, settled) = (self.ctx.clone(), self.ctx.clone());
        let told = download.clone();
        let page = download
            .page
            .clone()
            .on(PROGRESS, move |_| progress.request_repaint());
        page.settled(move |_| {
            println!("{}: {}", told.name, told.line());
            settled.request_repaint();
        });
        self.downloads.push(download);
    }

    /// What all hosts do alike; the window closes when it is over.
    fn trace(&mut self) -> evcore::Result<()> {
        let trace = Trace::start()?;
        let ctx = self.ctx.clone();
        trace
            .done()
            .then(move |()| ctx.send_viewport_cmd(egui::ViewportCommand::Close));
        trace
            .downloads
            .iter()
            .for_each(|download| self.show(download.clone()));
        self.trace = Some(trace);
        Ok(())
    }
}

impl eframe::App for App {
    fn update(&mut self, ctx: &egui::Context, _: &mut eframe::Frame) {
        egui::TopBottomPanel::top("top").show(ctx, |ui| {
            ui.add_space(10.0);
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(format!("{:.2} s", ui.input(|input| input.time)));
                let width = ui.available_width() - 110.0;
                let entry = TextEdit::singleline(&mut self.url)
                    .hint_text("http://…")
                    .desired_width(width);
                let entered =
                    ui.add(entry).lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                if ui.button("Download").clicked() || entered {
                    let url = std::mem::take(&mut self.url);
                    self.begin(&url);
                }
            });
            ui.add_space(10.0);
        });
        egui::CentralPanel::default().show(ctx, |ui| {
            egui::ScrollArea::vertical()
                .show(ui, |ui| self.downloads.iter().for_each(|one| row(ui, one)));
        });
    }

    fn on_exit(&mut self, _: Option<&eframe::glow::Context>) {
        if let Some(trace) = &self.trace {
            println!("{}", trace.text());
        }
    }
}

/// Light, with room between things.
fn look(ctx: &egui::Context) {
    let mut visuals = egui::Visuals::light();
    visuals.panel_fill = Color32::from_rgb(0xf4, 0xf4, 0xf7);
    visuals.extreme_bg_color = Color32::from_rgb(0xe4, 0xe4, 0xea); // a bar's empty part
    visuals.text_edit_bg_color = Some(Color32::WHITE);
    visuals.override_text_color = Some(Color32::from_rgb(0x1d, 0x1d, 0x20));
    ctx.set_visuals(visuals);
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(10.0, 9.0);
        style.spacing.button_padding = egui::vec2(10.0, 5.0);
        for (kind, font) in &mut style.text_styles {
            font.size = if *kind == egui::TextStyle::Heading {
                18.0
            } else {
                14.0
            };
        }
    });
}

const BLUE: Color32 = Color32::from_rgb(0x35, 0x84, 0xe4);
const RED: Color32 = Color32::from_rgb(0xc0, 0x1c, 0x28);

fn row(ui: &mut egui::Ui, download: &Download) {
    let outcome = download.page.peek();
    egui::Frame::new()
        .fill(Color32::WHITE)
        .corner_radius(10)
        .inner_margin(14)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(RichText::new(&download.name).strong().size(15.0));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let cancel = egui::Button::new(RichText::new("Cancel").color(RED));
                    if ui.add_enabled(outcome.is_none(), cancel).clicked() {
                        download.page.cancel();
                    }
                });
            });
            let fraction = if outcome.is_some() && !download.failed() {
                1.0
            } else {
                download.fraction()
            };
            ui.add(
                ProgressBar::new(fraction as f32)
                    .desired_height(8.0)
                    .fill(BLUE),
            );
            let line = RichText::new(download.line());
            ui.label(if download.failed() {
                line.color(RED)
            } else {
                line
            });
        });
}
