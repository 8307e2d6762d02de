//! A port that is forwarded, as an editor or ssh does it for a program on another machine; and that
//! may forget a connection without closing it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::programs::{step2, step8};
use crate::support::Step5;
use crate::tab::Tab;
use crate::visit::{fill_in_well, until_thanked};

/// Forwards to a port of this machine for as long as the test runs.
struct Forward {
    port: u16,
    /// Connections numbered below this one are forgotten.
    forgotten: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
}

impl Forward {
    fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (forgotten, opened) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let forward = Self { port, forgotten: Arc::clone(&forgotten), opened: Arc::clone(&opened) };
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let number = opened.fetch_add(1, Ordering::SeqCst);
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let forgotten = Arc::clone(&forgotten);
                    let is_forgotten = move || number < forgotten.load(Ordering::SeqCst);
                    std::thread::spawn(move || copy(from, to, &is_forgotten));
                }
            }
        });
        forward
    }

    /// All connections of now stay open, and carry nothing any more.
    fn forget(&self) {
        self.forgotten.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    fn url(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, is_forgotten: &impl Fn() -> bool) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if !is_forgotten() && to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    if !is_forgotten() {
        let _ = to.shutdown(Shutdown::Write);
    }
}

#[test]
fn behind_a_forwarded_port_the_form_is_sent() {
    let Some(tab) = Tab::open("a forwarded port") else { return };
    let form = step2(&["--work", "0s"]);
    let forward = Forward::to(form.port);
    tab.visit(&forward.url());
    fill_in_well(&tab);
    tab.click("button");
    until_thanked(&tab);
}

#[test]
fn a_stream_that_is_dead_without_knowing_is_opened_anew() {
    let Some(tab) = Tab::open("a dead stream") else { return };
    let broker = Step5::start("--builtin");
    let view = step8(&broker.url);
    let forward = Forward::to(view.port);
    tab.visit(&forward.url());
    tab.until_text("#contact", "live");
    forward.forget();
    tab.until_text("#contact", "step 8 says nothing");
    tab.until_text("#contact", "live");
    drop(tab);
}
