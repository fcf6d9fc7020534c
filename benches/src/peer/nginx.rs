//! nginx, answering as short as everybody else: one worker, keep-alive without end, no log.

use crate::launch::workshop;

/// It can't be asked to choose one and tell.
pub(crate) const PORT: u16 = 18_181;

/// Writes the configuration and tells where it lies.
pub(crate) fn configuration() -> Result<String, String> {
    let workshop = workshop()?;
    let place = workshop.display();
    let text = format!(
        "daemon off; master_process off; pid {place}/nginx.pid; error_log /dev/null crit;\n\
         events {{ worker_connections 2048; multi_accept on; }}\n\
         http {{\n\
           access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;\n\
           client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;\n\
           uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;\n\
           server {{ listen 127.0.0.1:{PORT}; location / {{ default_type text/plain; return 200 'Hello, world!'; }} }}\n\
         }}\n"
    );
    let path = workshop.join("nginx.conf");
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path.to_string_lossy().into_owned())
}
