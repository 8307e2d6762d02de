//! `localhost` is two addresses: each program with a page answers at both.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use crate::support::{Program, Step5, command, http_at};

const BOTH: [&str; 2] = ["127.0.0.1", "[::1]"];

/// A port that is free at both addresses, and a listener at the second one that keeps it.
fn taken_at_ipv6() -> Option<(u16, TcpListener)> {
    let taken = TcpListener::bind((Ipv6Addr::LOCALHOST, 0));
    let Ok(taken) = taken else {
        // Not a want of the test's: where there is no such address, localhost does not mean it.
        let line = "no IPv6 on this machine: localhost is one address here\n";
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
        return None;
    };
    Some((taken.local_addr().unwrap().port(), taken))
}

/// Steps 2, 7 and 8 at `port`.
fn pages(broker: &Step5, port: u16) -> [std::process::Command; 3] {
    let mut step2 = command(env!("CARGO_BIN_EXE_step2_sync_form"));
    step2.args(["--work", "0s"]);
    let mut step7 = command(env!("CARGO_BIN_EXE_step7_async_form"));
    step7.args(["--broker", &broker.url]);
    let mut step8 = command(env!("CARGO_BIN_EXE_step8_examine"));
    step8.args(["--broker", &broker.url, "--web"]);
    let mut all = [step2, step7, step8];
    for program in &mut all {
        program.args(["--port", &port.to_string()]);
    }
    all
}

#[test]
fn whatever_a_browser_takes_localhost_for_it_finds_the_page() {
    let Some((port, taken)) = taken_at_ipv6() else { return };
    drop(taken);
    let broker = Step5::start("--builtin");
    for mut page in pages(&broker, port) {
        let mut program = Program::start(&mut page);
        program.until("Ctrl-C");
        for host in BOTH {
            let address: SocketAddr = format!("{host}:{port}").parse().unwrap();
            let request = format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
            assert_eq!(http_at(address, &request).0, 200, "{page:?} at {host}");
        }
    }
}

#[test]
fn a_port_that_another_program_has_at_one_address_is_in_use() {
    let Some((port, _taken)) = taken_at_ipv6() else { return };
    let broker = Step5::start("--builtin");
    for mut page in pages(&broker, port) {
        let (status, output) = Program::start(&mut page).end();
        assert!(!status.success(), "{page:?}: {output}");
        let says = format!("port {port} can't be had: [::1]:{port} is in use\n  next: ");
        assert!(output.contains(&says), "{page:?}: {output}");
        assert!(output.contains(&format!("--port {}", port + 1)), "{output}");
    }
}

#[test]
fn a_port_that_no_browser_could_be_told_is_refused() {
    let broker = Step5::start("--builtin");
    for mut page in pages(&broker, 0) {
        let (status, output) = Program::start(&mut page).end();
        assert!(!status.success() && output.contains("--port <PORT>"), "{page:?}: {output}");
    }
}
