//! A Redis for a classroom: enough of Redis 7.0, in memory, for a task queue and a curious
//! redis-cli, when no redis-server is at hand.
//!
//! It speaks RESP2 and RESP3 over TCP and keeps Redis' answers to the byte, which its tests
//! compare with a real redis-server. It keeps nothing on disk, has no password and no cluster, and
//! is meant for `127.0.0.1`.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let server = pocket_redis::Server::bind(pocket_redis::DEFAULT_ADDR).await?;
//! println!("redis://{}", server.local_addr());
//! server.run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to read
//!
//! | To see | Read |
//! |---|---|
//! | bytes becoming commands, and answers becoming bytes | `resp.rs`, `reply.rs` |
//! | a command's way through the server | `connection.rs`, `dispatch.rs`, `call.rs` |
//! | all commands | `table.rs`, and a file a family in `commands/` |
//! | how a client waits for an element | `blocking.rs` |
//! | the data | `world.rs`, `db.rs`, `value.rs`, `dict.rs`, `sorted_set.rs`, `ordered.rs` |
//! | Lua | `script/` |
//!
//! # What differs from Redis
//!
//! - Nothing is kept on disk; there is no replication, cluster, module, ACL user or eviction of
//!   keys, and there are no streams, bitmaps, geo or HyperLogLog: whoever asks for one is told to
//!   start a redis-server (`table.rs` has the list).
//! - Input is bounded more tightly (see `resp.rs`), and what all clients together have sent and not
//!   read is bounded as well: at 128 MiB the one that holds most is cut off, as Redis does with
//!   `maxmemory-clients`.
//! - While a script runs nobody else is served, not even with BUSY; after `busy-reply-threshold`
//!   (5 s) or at 128 MiB it is stopped, and what it has written stays. It has no `loadstring`,
//!   coroutines or `struct`, and sees RESP2 replies only; see `script/mod.rs`.
//! - INCRBYFLOAT adds decimal fractions exactly: see `decimal.rs`.
//! - COMMAND DOCS is refused, so that redis-cli falls back to the texts it brings along.

mod blocking;
mod call;
mod client;
mod command;
mod commands;
mod connection;
mod db;
mod decimal;
mod dict;
mod dispatch;
mod fault;
mod glob;
mod log;
mod monitor;
mod number;
mod ordered;
mod pubsub;
mod quote;
mod reply;
mod resp;
mod script;
mod server;
mod sorted_set;
mod subcommands;
mod table;
mod usage;
mod value;
mod world;

pub use server::Server;

/// Where Redis listens when nothing else is said, and for this machine only.
pub const DEFAULT_ADDR: &str = "127.0.0.1:6379";
