//! `task_routes`: which list a message goes to by its task's name.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::lab::{Lab, PATIENCE, add, late};
use support::on_each_broker;
use taskqueue::{
    Broker, Registry, Request, RetryPolicy, Signature, Task, TaskError, WorkerOptions,
};

fn routed(url: &str) -> Arc<Broker> {
    Arc::new(Broker::new(url).unwrap().task_routes([("lab.*", "mail"), ("*", "rest")]))
}

#[test]
fn a_task_goes_to_the_queue_of_its_route_and_says_so() {
    on_each_broker("a routed task", async |url| {
        let mut lab = Lab::at(url).await;
        add(1, 1).delay(&routed(url)).await.unwrap();
        let raw: String = lab.ask("LINDEX mail 0").await;
        let message: serde_json::Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(message["properties"]["delivery_info"]["routing_key"], "mail");
        assert_eq!(lab.ask::<i64>("SCARD _kombu.binding.mail").await, 1);
    });
}

#[test]
fn a_queue_that_the_caller_names_wins_over_every_route() {
    on_each_broker("a named queue", async |url| {
        let mut lab = Lab::at(url).await;
        // Also where it is the one that would be taken without any route.
        for queue in ["celery", "named"] {
            add(1, 1).queue(queue).delay(&routed(url)).await.unwrap();
            assert_eq!(lab.ask::<i64>(&format!("LLEN {queue}")).await, 1, "{queue}");
        }
        assert_eq!(lab.ask::<i64>("EXISTS mail rest").await, 0);
    });
}

#[test]
fn a_retry_stays_in_the_queue_that_its_task_came_from() {
    on_each_broker("a routed retry", async |url| {
        let mut lab = Lab::at(url).await;
        lab.broker = routed(url);
        let flaky = |request: Arc<Request>, ()| async move {
            let again = request.retries == 0;
            if again {
                Err(TaskError::new("ValueError", "again"))
            } else {
                Ok(request.queue.clone())
            }
        };
        let policy = RetryPolicy::default()
            .autoretry_for(["ValueError"])
            .default_retry_delay(Duration::from_millis(1));
        let registry = Registry::new([Task::new("lab.flaky", [], flaky).retry(policy)]);
        let queues = ["celery", "mail", "rest"].map(str::to_owned).to_vec();
        let worker = lab.start_with(WorkerOptions { queues, ..late() }, registry);
        let call = Signature::new("lab.flaky").queue("celery");
        let task = call.delay(&lab.broker).await.unwrap();
        assert_eq!(task.get(PATIENCE).await.unwrap(), "celery");
        worker.finish().await;
    });
}

#[test]
fn without_a_broker_no_route_is_known() {
    let raw = add(1, 1).message().unwrap().encode().unwrap();
    let message: serde_json::Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(message["properties"]["delivery_info"]["routing_key"], "celery");
}
