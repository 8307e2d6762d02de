//! What a real redis-server does with HTTP, and this one as well.

use std::io::Read;

use crate::support::script::Both;

#[test]
fn http_is_cut_off_as_by_redis() {
    let Some(both) = Both::start("http_is_cut_off_as_by_redis") else {
        return;
    };
    for request in [
        "POST / HTTP/1.1\r\n",
        "post\r\n",
        "Host: x\r\n",
        "*1\r\n$5\r\nHOST:\r\n",
        "MULTI\r\nPOST / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "PUT / HTTP/1.1\r\nHost: x\r\n",
        "hostile\r\nposted\r\nQUIT\r\n",
    ] {
        let answers = [both.pocket.connect(), both.judge.connect()].map(|mut wire| {
            wire.send_raw(request.as_bytes());
            let mut answer = Vec::new();
            wire.stream().read_to_end(&mut answer).expect("the server closes");
            String::from_utf8_lossy(&answer).into_owned()
        });
        assert_eq!(answers[0], answers[1], "{request}");
    }
}
