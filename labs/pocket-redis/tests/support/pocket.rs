//! The server under test, on a free port, for as long as the test holds it.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use pocket_redis::Server;
use tokio::sync::oneshot;

use super::wire::Wire;

pub(crate) struct Pocket {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Pocket {
    pub(crate) fn start() -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = { runtime }.worker_threads(2).enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let server = Server::bind("127.0.0.1:0").await.expect("a free port");
                tell.send(server.local_addr()).expect("the test waits");
                server.run(async { drop(stopped.await) }).await;
            });
        });
        let addr = told.recv().expect("the server starts");
        Self { addr, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.addr)
    }

    /// Waits until the server has ended by itself.
    pub(crate) fn join(mut self) {
        self.thread.take().expect("still there").join().expect("the server ends well");
    }
}

impl Drop for Pocket {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends well");
        }
    }
}
