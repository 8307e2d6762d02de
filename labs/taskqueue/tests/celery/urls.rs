//! A broker's URL leads where kombu goes with it: in what kombu says, and in a real Redis.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use taskqueue::Broker;

use crate::stage::installed;
use crate::support::{did_not_run, free_port};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/urls").join(name)
}

/// Python's answer to these arguments; none where Celery is not installed.
fn python(arguments: &[&str]) -> Option<String> {
    let output = Command::new(installed("python")?).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_recorded_table_is_what_kombu_says() {
    let rows = std::fs::read_to_string(golden("urls.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    let record = golden("record.py");
    let urls = rows.iter().map(|row| row["url"].as_str().unwrap());
    let arguments: Vec<&str> = std::iter::once(record.to_str().unwrap()).chain(urls).collect();
    let Some(said) = python(&arguments) else {
        return did_not_run("kombu's reading of URLs", "Celery (scripts/celery.sh install)");
    };
    let said: Vec<Value> = serde_json::from_str(&said).unwrap();
    for (recorded, said) in rows.iter().zip(&said) {
        assert_eq!(recorded, said);
    }
    assert_eq!(rows.len(), said.len());
}

/// Writes down, at each URL, which one it was.
const LEAVE_A_NOTE: &str = "
import sys
from kombu import Connection
for url in sys.argv[1:]:
    with Connection(url) as connection:
        connection.channel().client.set('came by', url)
        print(url)
";

/// A redis-server with a password and a socket file, which ends with its test.
struct Guarded {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Guarded {
    /// None where the machine has no redis-server.
    fn start() -> Option<Self> {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("taskqueue-urls-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("a b.sock");
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "-::1", "--save", ""])
            .args(["--requirepass", "s@cr/et", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let mut server = Self { child, port, folder };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() || !socket.exists() {
            assert!(server.child.try_wait().unwrap().is_none(), "redis-server has ended");
            std::thread::yield_now();
        }
        Some(server)
    }

    fn socket(&self) -> String {
        self.folder.join("a b.sock").display().to_string()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn ours_finds_what_kombu_left_at_the_same_url() {
    let Some(server) = Guarded::start() else { return did_not_run("URLs", "redis-server") };
    let (port, password) = (server.port, "s%40cr%2Fet");
    let socket = server.socket().replace(' ', "%20");
    let urls = [
        format!("redis://:{password}@127.0.0.1:{port}/0"),
        format!("redis://:{password}@:{port}/1"),
        format!("redis://:{password}@0.0.0.0:{port}/2"),
        format!("redis://:{password}@localhost:{port}//3"),
        format!("redis://default:{password}@LOCALHOST:{port}/%34"),
        format!("redis://:{password}@[::1]:{port}/5"),
        format!("redis+socket://:{password}@{socket}"),
        format!("redis+socket://:{password}@{socket}?virtual_host=7"),
    ];
    let mut arguments = vec!["-c", LEAVE_A_NOTE];
    arguments.extend(urls.iter().map(String::as_str));
    let said = python(&arguments);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if said.is_some() {
        for url in urls.iter().rev() {
            let left: Option<String> = runtime.block_on(async {
                let mut redis = Broker::new(url).unwrap().redis().await.unwrap();
                redis::Cmd::get_del("came by").query_async(&mut redis).await.unwrap()
            });
            // The database 0 is there at two URLs: the later one's note is found, and then none.
            let first = url.ends_with("/0");
            assert_eq!(left.as_ref(), (!first).then_some(url), "{url}");
        }
    }
    if said.is_none() {
        did_not_run("URLs in a real Redis", "Celery (scripts/celery.sh install)");
    }
}
