//! Real Celery on the broker that is built in: its client, and its worker.

use taskqueue::Signature;

use crate::ours::{OurClient, OurWorker, options};
use crate::stage::Place;

/// Runs `scenario` at a built-in broker of its own.
fn on_the_built_in_broker(scenario: impl Fn(Place)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(pocket_redis::Server::bind("127.0.0.1:0")).unwrap();
    let url = format!("redis://{}/0", server.local_addr());
    let (_serve_until_dropped, dropped) = tokio::sync::oneshot::channel::<()>();
    runtime.spawn(server.run(async { drop(dropped.await) }));
    if let Some(place) = Place::before(&url) {
        scenario(place);
    }
    runtime.shutdown_background();
}

#[test]
fn a_celery_client_has_its_task_run_by_us() {
    on_the_built_in_broker(|mut place| {
        let worker = OurWorker::start(&place.url, options());
        assert_eq!(place.python("add.delay(2, 3).get(timeout=20)"), 5);
        assert_eq!(place.python("who.apply_async(countdown=0.5).get(timeout=20)"), "ours");
        let raised = place.python_raises("fail.delay('out of cheese').get(timeout=20)");
        assert_eq!(raised, "builtins.ValueError(\"out of cheese\")");
        worker.finish();
    });
}

#[test]
fn a_celery_worker_runs_our_task() {
    on_the_built_in_broker(|mut place| {
        let celery = place.celery_worker(&["--concurrency", "1"], &[]);
        let client = OurClient::of(&place.url);
        assert_eq!(client.call(&Signature::new("tasks.add").arg(2).arg(3)).unwrap(), 5);
        let retried = client.call(&Signature::new("tasks.flaky").arg(1).arg(0.1)).unwrap();
        assert_eq!((&retried["by"], &retried["retries"]), (&"Celery".into(), &1.into()));
        assert_eq!(place.python("add.delay(2, 3).get(timeout=20)"), 5);
        assert!(!celery.log().contains("ERROR"), "{}", celery.log());
    });
}
