//! The lab's own commands, told which broker is meant.

use taskqueue::BrokerUrl;

use crate::settings::DEFAULT_BROKER;
use crate::shell;

/// `cargo run --bin step6_worker` → `… -- --broker redis://127.0.0.1:7000/0`. A password is in no
/// command: the next program finds it where this one did, in `REDIS_URL`.
pub(super) fn for_broker(command: &str, url: &BrokerUrl) -> String {
    let asks = ["step6_worker", "step7_async_form", "step8_examine"];
    let known = url.has_password() || url.username().is_some();
    if known || !asks.iter().any(|step| command.contains(step)) || url.to_string() == DEFAULT_BROKER
    {
        return command.to_owned();
    }
    let (program, arguments) = command.split_once(" -- ").unwrap_or((command, ""));
    // Some shells read the brackets and the ? of a URL.
    let url = shell::command(&[short(url)]);
    format!("{program} -- --broker {url} {arguments}").trim_end().to_owned()
}

/// Without what goes without saying: 127.0.0.1, and the database 0.
fn short(url: &BrokerUrl) -> String {
    let text = url.to_string();
    let text = text.replace("redis://127.0.0.1:", "redis://:");
    text.strip_suffix("/0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_told_which_broker_unless_it_would_go_there_by_itself() {
        let at = |command, url: &str| for_broker(command, &url.parse().unwrap());
        let worker = "cargo run --bin step6_worker";
        assert_eq!(at(worker, DEFAULT_BROKER), worker);
        assert_eq!(
            at(worker, "redis://:7000/2"),
            "cargo run --bin step6_worker -- --broker redis://:7000/2"
        );
        assert_eq!(
            at("cargo run --bin step8_examine -- LLEN celery", "redis://[::1]"),
            "cargo run --bin step8_examine -- --broker 'redis://[::1]:6379' LLEN celery"
        );
        assert_eq!(at(worker, "redis://:s3cret@box"), worker);
        let other = "cargo run --bin step9_retries";
        assert_eq!(at(other, "redis://:7000"), other);
    }
}
