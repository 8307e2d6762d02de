//! The lab's programs behind the pages, each on ports of its own.

use crate::support::{Program, command, free_port};

/// A program with a page.
pub(crate) struct Served {
    pub(crate) program: Program,
    pub(crate) port: u16,
}

impl Served {
    /// Starts `program` with `--port` and these arguments; returns when it listens.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        Self::start_at(free_port(), program, arguments)
    }

    /// The same at a given port, as somebody who starts it again.
    pub(crate) fn start_at(port: u16, program: &str, arguments: &[&str]) -> Self {
        let mut command = command(program);
        let program = Program::start(command.args(["--port", &port.to_string()]).args(arguments));
        program.listens_on(port);
        Self { program, port }
    }

    /// Where its page is.
    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }
}

/// The form that sends its mail inside the request.
pub(crate) fn step2(arguments: &[&str]) -> Served {
    Served::start(env!("CARGO_BIN_EXE_step2_sync_form"), arguments)
}

/// The form that hands its mail to the queue.
pub(crate) fn step7(broker: &str, arguments: &[&str]) -> Served {
    step7_at(free_port(), broker, arguments)
}

/// The same at a given port.
pub(crate) fn step7_at(port: u16, broker: &str, arguments: &[&str]) -> Served {
    let arguments = [&["--broker", broker], arguments].concat();
    Served::start_at(port, env!("CARGO_BIN_EXE_step7_async_form"), &arguments)
}

/// A worker; returns when it waits for messages.
pub(crate) fn step6(broker: &str, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step6_worker"));
    let mut worker = Program::start(command.args(["--broker", broker]).args(arguments));
    worker.until("ready");
    worker
}

/// The live view.
pub(crate) fn step8(broker: &str) -> Served {
    step8_at(free_port(), broker)
}

/// The same at a given port.
pub(crate) fn step8_at(port: u16, broker: &str) -> Served {
    let arguments = ["--broker", broker, "--web"];
    Served::start_at(port, env!("CARGO_BIN_EXE_step8_examine"), &arguments)
}
