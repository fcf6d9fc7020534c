//! The tasks by evhttp. A task is one function; its lines are counted as they stand here.

use crate::server::Site;
use evcore::{Promise, Result, run, secs};
use evhttp::http::Method;
use evhttp::{
    Body, Client, Multipart, PROGRESS, Proxies, delete, fetch, get, head, post, put, request,
};
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use std::rc::Rc;

pub(crate) fn text(at: &Site) -> Result<String> {
    Ok(run(fetch(at.url("/hello")))?.text()?.into())
}

pub(crate) fn status(at: &Site) -> Result<String> {
    Ok(run(fetch(at.url("/missing")))?.status().to_string())
}

pub(crate) fn field(at: &Site) -> Result<String> {
    let page = run(fetch(at.url("/hello")))?;
    Ok(page.header("content-type").unwrap_or("none").into())
}

pub(crate) fn bytes(at: &Site) -> Result<String> {
    Ok(run(fetch(at.url("/big")))?.bytes()?.len().to_string())
}

pub(crate) fn send_field(at: &Site) -> Result<String> {
    let page = get(at.url("/named")).header("x-name", "ada").send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn agent(at: &Site) -> Result<String> {
    let client = Client::builder().header("user-agent", "mine/1").build();
    Ok(run(client.fetch(at.url("/agent")))?.text()?.into())
}

pub(crate) fn query(at: &Site) -> Result<String> {
    let page = get(at.url("/echo")).query([("q", "a b&c")]).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn form(at: &Site) -> Result<String> {
    let page = post(at.url("/echo")).form([("q", "a b&c")]).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn post_json(at: &Site) -> Result<String> {
    let page = post(at.url("/echo")).json(&json!({"age": 36})).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn read_json(at: &Site) -> Result<String> {
    let value: Value = run(fetch(at.url("/json")))?.json()?;
    Ok(value["name"].to_string())
}

pub(crate) fn put_it(at: &Site) -> Result<String> {
    Ok(run(put(at.url("/echo")).body("new").send())?.text()?.into())
}

pub(crate) fn delete_it(at: &Site) -> Result<String> {
    Ok(run(delete(at.url("/echo")).send())?.text()?.into())
}

pub(crate) fn head_of(at: &Site) -> Result<String> {
    let page = run(head(at.url("/big")).send())?;
    Ok(page.header("content-length").unwrap_or("none").into())
}

pub(crate) fn options(at: &Site) -> Result<String> {
    let page = request(Method::OPTIONS, at.url("/echo")).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn basic(at: &Site) -> Result<String> {
    let page = get(at.url("/secret")).credentials("ada", "pass").send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn bearer(at: &Site) -> Result<String> {
    let page = get(at.url("/secret")).bearer("token").send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn final_url(at: &Site) -> Result<String> {
    let page = run(fetch(at.url("/moved")))?;
    Ok(page.url().map(|url| url.to_string()).unwrap_or_default())
}

pub(crate) fn no_redirects(at: &Site) -> Result<String> {
    let page = run(get(at.url("/moved")).redirects(0).send())?;
    Ok(page.status().to_string())
}

pub(crate) fn cookies(at: &Site) -> Result<String> {
    let client = Client::builder().cookies(true).build();
    run(client.fetch(at.url("/cookie")))?;
    Ok(run(client.fetch(at.url("/cookie")))?.text()?.into())
}

pub(crate) fn range(at: &Site) -> Result<String> {
    let page = get(at.url("/range")).range(0..100).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn gzip(at: &Site) -> Result<String> {
    Ok(run(fetch(at.url("/gzip")))?.text()?.into())
}

pub(crate) fn save(at: &Site) -> Result<String> {
    run(run(get(at.url("/hello")).stream())?.save(&at.saved))?;
    Ok(fs::read_to_string(&at.saved)?)
}

pub(crate) fn upload(at: &Site) -> Result<String> {
    let page = put(at.url("/echo")).body(Body::file(&at.file)?).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn multipart(at: &Site) -> Result<String> {
    let form = Multipart::new().text("to", "ada").file("file", &at.file)?;
    let page = post(at.url("/echo")).multipart(form).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn several(at: &Site) -> Result<String> {
    let pages = ["/hello", "/gzip"].map(|path| fetch(at.url(path)));
    let pages = run(Promise::all(pages))?;
    pages.iter().map(|page| page.text()).collect()
}

pub(crate) fn progress(at: &Site) -> Result<String> {
    let seen = Rc::new(Cell::new(0));
    let count = seen.clone();
    run(fetch(at.url("/big")).on(PROGRESS, move |p| count.set(p.received)))?;
    Ok(seen.get().to_string())
}

pub(crate) fn proxy(at: &Site) -> Result<String> {
    let proxies = Proxies::all(at.url("").parse()?);
    let client = Client::builder().proxies(proxies).build();
    Ok(run(client.fetch("http://a.example/echo"))?.text()?.into())
}

pub(crate) fn resolve(at: &Site) -> Result<String> {
    let client = Client::builder().resolve("a.example", at.addr).build();
    let page = run(client.fetch("http://a.example/hello"))?;
    Ok(page.text()?.into())
}

pub(crate) fn deadline(at: &Site) -> Result<String> {
    let page = get(at.url("/slow")).deadline(secs(1)).send();
    Ok(run(page)?.text()?.into())
}

pub(crate) fn refused(at: &Site) -> Result<String> {
    Ok(run(fetch(&at.closed))?.text()?.into())
}

pub(crate) fn bad_url(_: &Site) -> Result<String> {
    Ok(run(fetch("a.example/page"))?.text()?.into())
}

pub(crate) fn not_found(at: &Site) -> Result<String> {
    Ok(run(fetch(at.url("/missing")))?.ok()?.text()?.into())
}
