//! Serves until Ctrl-C: `cargo run -p pocket-redis --example serve -- 127.0.0.1:6380`, then
//! `redis-cli -p 6380`.

use std::io::{self, Write};

use pocket_redis::{DEFAULT_ADDR, Server};

#[tokio::main]
async fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| DEFAULT_ADDR.to_owned());
    let server = Server::bind(addr).await?;
    writeln!(io::stdout(), "redis://{}", server.local_addr())?;
    server.run(async { drop(tokio::signal::ctrl_c().await) }).await;
    Ok(())
}
