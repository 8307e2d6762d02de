//! CLIENT REPLY and what it does not silence, next to a real redis-server.

use crate::support::script::Both;

#[test]
fn messages_come_though_replies_are_off_as_in_redis() {
    let Some(both) = Both::start("messages_come_though_replies_are_off_as_in_redis") else {
        return;
    };
    for script in [
        "HELLO 3\r\nCLIENT REPLY OFF\r\nSUBSCRIBE a b\r\nPUBLISH a x\r\nUNSUBSCRIBE a b\r\nQUIT\r\n",
        "CLIENT REPLY OFF\r\nSUBSCRIBE a\r\nUNSUBSCRIBE a\r\nGET k\r\nQUIT\r\n",
        "CLIENT REPLY SKIP\r\nSUBSCRIBE a\r\nPING\r\nUNSUBSCRIBE\r\nPING\r\nQUIT\r\n",
        "CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\nQUIT\r\n",
    ] {
        let answers = [both.pocket.connect(), both.judge.connect()].map(|mut wire| {
            wire.send_raw(script.as_bytes());
            let answer = String::from_utf8_lossy(&wire.read_to_end()).into_owned();
            // The number of the client is each server's own.
            answer.lines().filter(|line| !line.starts_with(':')).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(answers[0], answers[1], "{script}");
    }
}
