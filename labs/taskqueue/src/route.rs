//! Which queue a task goes to, by its name: Celery's `task_routes`.

/// Patterns of task names, each with its queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Vec<(String, String)>);

impl Routes {
    pub(crate) fn new<P, Q>(routes: impl IntoIterator<Item = (P, Q)>) -> Self
    where
        P: Into<String>,
        Q: Into<String>,
    {
        Self(routes.into_iter().map(|(pattern, queue)| (pattern.into(), queue.into())).collect())
    }

    /// As in Celery, a name that is written out wins over all patterns; of these the first counts.
    pub(crate) fn queue(&self, task: &str) -> Option<&str> {
        let exact = self.0.iter().find(|(pattern, _)| pattern == task);
        let fits = |(pattern, _): &&(String, String)| {
            pattern.contains('*') && fits(&letters(pattern), &letters(task))
        };
        exact.or_else(|| self.0.iter().find(fits)).map(|(_, queue)| queue.as_str())
    }
}

fn letters(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// Whether `name` fits `pattern`, where `*` is any text and `?` any one letter.
fn fits(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], name) => name.is_empty(),
        (['*', pattern @ ..], name) => {
            (0..=name.len()).any(|skipped| fits(pattern, &name[skipped..]))
        }
        (['?', pattern @ ..], [_, name @ ..]) => fits(pattern, name),
        ([first, pattern @ ..], [letter, name @ ..]) => first == letter && fits(pattern, name),
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::keys::DEFAULT_QUEUE;

    #[test]
    fn a_task_goes_to_the_queue_that_celery_chooses() {
        let recorded = include_str!("../tests/golden/routes.json");
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = |name: &str| recorded[name].as_array().unwrap().clone();
        let pairs = rows("task_routes").into_iter().map(|row| (text(&row[0]), text(&row[1])));
        let routes = Routes::new(pairs);
        for row in rows("queues") {
            let queue = routes.queue(row[0].as_str().unwrap());
            assert_eq!(queue.unwrap_or(DEFAULT_QUEUE), row[1], "{row}");
        }
    }
}
