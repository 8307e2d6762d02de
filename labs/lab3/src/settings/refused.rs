//! Options of `celery worker` that would mean nothing here: each is refused with the reason, and
//! with what does the same.

use std::convert::Infallible;

use clap::Args;

/// None of these can be given.
#[derive(Debug, Clone, Args)]
pub(super) struct Refused {
    #[arg(long, hide = true, num_args = 0..=1, value_name = "N", default_missing_value = "", value_parser = per_child)]
    max_tasks_per_child: Option<Infallible>,
    #[arg(long, hide = true, num_args = 0..=1, value_name = "N", default_missing_value = "", value_parser = per_child)]
    max_memory_per_child: Option<Infallible>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_parser = autoscale)]
    autoscale: Option<Infallible>,
    #[arg(short = 'P', long, hide = true, num_args = 0..=1, default_missing_value = "", value_parser = pool)]
    pool: Option<Infallible>,
}

fn per_child(_: &str) -> Result<Infallible, String> {
    let why = "\n  all tasks share this one process: there are no children to replace\n  next: \
               --time-limit for a task that does not end; for a process that grows, a\n  \
               supervisor that sends it Ctrl-C and starts it again: nothing is lost";
    Err(why.to_owned())
}

fn autoscale(_: &str) -> Result<Infallible, String> {
    let why = "\n  a slot costs nothing while it is empty, so their number stays as it is\n  next: \
               -c N, or `celery control pool_grow N` while the worker runs";
    Err(why.to_owned())
}

fn pool(_: &str) -> Result<Infallible, String> {
    let why = "\n  there is one kind of pool, on every system: tasks share this process' threads\n  next: leave it out; -c N says how many tasks run at the same time";
    Err(why.to_owned())
}
