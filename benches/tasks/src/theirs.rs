//! The tasks by reqwest, as its users write them: blocking wherever that is shorter, which is what its own documents show for
//! scripts; on tokio where several things happen at once.

use crate::server::Site;
use futures_util::future::try_join_all;
use reqwest::blocking::multipart::Form;
use reqwest::blocking::{Client, get};
use reqwest::redirect::Policy;
use reqwest::{Method, Proxy};
use serde_json::{Value, json};
use std::error::Error;
use std::fs::{self, File};
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn text(at: &Site) -> Result<String> {
    Ok(get(at.url("/hello"))?.text()?)
}

pub(crate) fn status(at: &Site) -> Result<String> {
    Ok(get(at.url("/missing"))?.status().to_string())
}

pub(crate) fn field(at: &Site) -> Result<String> {
    let page = get(at.url("/hello"))?;
    let value = page.headers().get("content-type");
    Ok(value.map_or(Ok("none"), |value| value.to_str())?.into())
}

pub(crate) fn bytes(at: &Site) -> Result<String> {
    Ok(get(at.url("/big"))?.bytes()?.len().to_string())
}

pub(crate) fn send_field(at: &Site) -> Result<String> {
    let request = Client::new().get(at.url("/named")).header("x-name", "ada");
    Ok(request.send()?.text()?)
}

pub(crate) fn agent(at: &Site) -> Result<String> {
    let client = Client::builder().user_agent("mine/1").build()?;
    Ok(client.get(at.url("/agent")).send()?.text()?)
}

pub(crate) fn query(at: &Site) -> Result<String> {
    let request = Client::new().get(at.url("/echo")).query(&[("q", "a b&c")]);
    Ok(request.send()?.text()?)
}

pub(crate) fn form(at: &Site) -> Result<String> {
    let request = Client::new().post(at.url("/echo")).form(&[("q", "a b&c")]);
    Ok(request.send()?.text()?)
}

pub(crate) fn post_json(at: &Site) -> Result<String> {
    let request = Client::new().post(at.url("/echo"));
    Ok(request.json(&json!({"age": 36})).send()?.text()?)
}

pub(crate) fn read_json(at: &Site) -> Result<String> {
    let value: Value = get(at.url("/json"))?.json()?;
    Ok(value["name"].to_string())
}

pub(crate) fn put_it(at: &Site) -> Result<String> {
    let request = Client::new().put(at.url("/echo")).body("new");
    Ok(request.send()?.text()?)
}

pub(crate) fn delete_it(at: &Site) -> Result<String> {
    Ok(Client::new().delete(at.url("/echo")).send()?.text()?)
}

pub(crate) fn head_of(at: &Site) -> Result<String> {
    let page = Client::new().head(at.url("/big")).send()?;
    let value = page.headers().get("content-length");
    Ok(value.map_or(Ok("none"), |value| value.to_str())?.into())
}

pub(crate) fn options(at: &Site) -> Result<String> {
    let request = Client::new().request(Method::OPTIONS, at.url("/echo"));
    Ok(request.send()?.text()?)
}

pub(crate) fn basic(at: &Site) -> Result<String> {
    let request = Client::new().get(at.url("/secret"));
    Ok(request.basic_auth("ada", Some("pass")).send()?.text()?)
}

pub(crate) fn bearer(at: &Site) -> Result<String> {
    let request = Client::new().get(at.url("/secret")).bearer_auth("token");
    Ok(request.send()?.text()?)
}

pub(crate) fn final_url(at: &Site) -> Result<String> {
    let page = get(at.url("/moved"))?;
    Ok(page.url().to_string())
}

pub(crate) fn no_redirects(at: &Site) -> Result<String> {
    let client = Client::builder().redirect(Policy::none()).build()?;
    Ok(client.get(at.url("/moved")).send()?.status().to_string())
}

pub(crate) fn cookies(at: &Site) -> Result<String> {
    let client = Client::builder().cookie_store(true).build()?;
    client.get(at.url("/cookie")).send()?;
    Ok(client.get(at.url("/cookie")).send()?.text()?)
}

pub(crate) fn range(at: &Site) -> Result<String> {
    let request = Client::new().get(at.url("/range"));
    Ok(request.header("range", "bytes=0-99").send()?.text()?)
}

pub(crate) fn gzip(at: &Site) -> Result<String> {
    Ok(get(at.url("/gzip"))?.text()?)
}

pub(crate) fn save(at: &Site) -> Result<String> {
    get(at.url("/hello"))?.copy_to(&mut File::create(&at.saved)?)?;
    Ok(fs::read_to_string(&at.saved)?)
}

pub(crate) fn upload(at: &Site) -> Result<String> {
    let request = Client::new().put(at.url("/echo"));
    Ok(request.body(File::open(&at.file)?).send()?.text()?)
}

pub(crate) fn multipart(at: &Site) -> Result<String> {
    let form = Form::new().text("to", "ada").file("file", &at.file)?;
    let request = Client::new().post(at.url("/echo")).multipart(form);
    Ok(request.send()?.text()?)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn several(at: &Site) -> Result<String> {
    let text = async |path| reqwest::get(at.url(path)).await?.text().await;
    let pages = try_join_all(["/hello", "/gzip"].map(text)).await?;
    Ok(pages.concat())
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn progress(at: &Site) -> Result<String> {
    let mut page = reqwest::get(at.url("/big")).await?;
    let mut seen = 0;
    while let Some(piece) = page.chunk().await? {
        seen += piece.len();
    }
    Ok(seen.to_string())
}

pub(crate) fn proxy(at: &Site) -> Result<String> {
    let proxy = Proxy::all(at.url(""))?;
    let client = Client::builder().proxy(proxy).build()?;
    Ok(client.get("http://a.example/echo").send()?.text()?)
}

pub(crate) fn resolve(at: &Site) -> Result<String> {
    let client = Client::builder().resolve("a.example", at.addr).build()?;
    let url = format!("http://a.example:{}/hello", at.addr.port());
    Ok(client.get(url).send()?.text()?)
}

pub(crate) fn deadline(at: &Site) -> Result<String> {
    let request = Client::new().get(at.url("/slow"));
    Ok(request.timeout(Duration::from_secs(1)).send()?.text()?)
}

pub(crate) fn refused(at: &Site) -> Result<String> {
    Ok(get(&at.closed)?.text()?)
}

pub(crate) fn bad_url(_: &Site) -> Result<String> {
    Ok(get("a.example/page")?.text()?)
}

pub(crate) fn not_found(at: &Site) -> Result<String> {
    Ok(get(at.url("/missing"))?.error_for_status()?.text()?)
}
