//! `task_routes` of both clients.

use std::sync::Arc;

use taskqueue::{Broker, Signature};

use crate::ours::OurClient;
use crate::stage::Place;

const ROUTES: [(&str, &str); 4] =
    [("tasks.*", "many"), ("tasks.add", "one"), ("*.?low", "slow"), ("tasks.echo?", "never")];

#[test]
fn our_routes_lead_to_the_queues_of_celerys() {
    let Some(mut place) = Place::alone() else { return };
    let client = OurClient::of(&place.url);
    let broker = Arc::new(Broker::new(&place.url).unwrap().task_routes(ROUTES));
    place.python(&format!("app.conf.task_routes = ([{}],)", ROUTES.map(python).join(", ")));
    let mut queues = Vec::new();
    for task in ["tasks.add", "tasks.echo", "tasks.echo1", "a.slow", "a.low", "other", "tasks"] {
        let ours = Signature::new(task);
        client.wait_for(ours.delay(&broker)).unwrap();
        let queue = filled(&place);
        place.python(&format!("app.send_task({task:?}).id"));
        assert_eq!(filled(&place), queue, "{task}");
        place.python(&format!("app.send_task({task:?}, queue='named').id"));
        client.wait_for(ours.queue("named").delay(&broker)).unwrap();
        assert_eq!(place.redis::<i64>("LLEN named"), 2, "{task}");
        place.redis::<()>("DEL named");
        queues.push(queue);
    }
    assert_eq!(queues, ["one", "many", "many", "slow", "celery", "celery", "celery"]);
}

fn python((pattern, queue): (&str, &str)) -> String {
    format!("({pattern:?}, {{'queue': {queue:?}}})")
}

/// The one list that holds a message; it is empty then.
fn filled(place: &Place) -> &'static str {
    let queues = ROUTES.map(|(_, queue)| queue).into_iter().chain(["celery"]);
    let taken: Vec<_> = queues
        .filter(|queue| place.redis::<Option<String>>(&format!("LPOP {queue}")).is_some())
        .collect();
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken[0]
}
