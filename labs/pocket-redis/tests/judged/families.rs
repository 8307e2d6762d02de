//! By hand: what each family of commands does, and how it refuses. The sequences are the text
//! files in `sequences/`; how they are written is told in `support/script.rs`.

use crate::support::script::judge_lines;

#[test]
fn strings_answer_as_redis() {
    judge_lines("strings_answer_as_redis", include_str!("sequences/strings.txt"));
}

#[test]
fn counters_answer_as_redis() {
    judge_lines("counters_answer_as_redis", include_str!("sequences/counters.txt"));
}

#[test]
fn lists_answer_as_redis() {
    judge_lines("lists_answer_as_redis", include_str!("sequences/lists.txt"));
}

#[test]
fn hashes_answer_as_redis() {
    judge_lines("hashes_answer_as_redis", include_str!("sequences/hashes.txt"));
}

#[test]
fn sets_answer_as_redis() {
    judge_lines("sets_answer_as_redis", include_str!("sequences/sets.txt"));
}

#[test]
fn sorted_sets_answer_as_redis() {
    judge_lines("sorted_sets_answer_as_redis", include_str!("sequences/sorted_sets.txt"));
}

#[test]
fn keys_answer_as_redis() {
    judge_lines("keys_answer_as_redis", include_str!("sequences/keys.txt"));
}

#[test]
fn encodings_last_as_in_redis() {
    judge_lines("encodings_last_as_in_redis", include_str!("sequences/encodings.txt"));
}

#[test]
fn deadlines_answer_as_redis() {
    judge_lines("deadlines_answer_as_redis", include_str!("sequences/deadlines.txt"));
}

#[test]
fn the_connection_answers_as_redis() {
    judge_lines("the_connection_answers_as_redis", include_str!("sequences/connection.txt"));
}

#[test]
fn transactions_answer_as_redis() {
    judge_lines("transactions_answer_as_redis", include_str!("sequences/transactions.txt"));
}

#[test]
fn values_cross_the_border_as_in_redis() {
    judge_lines("values_cross_the_border_as_in_redis", include_str!("sequences/script_values.txt"));
}

#[test]
fn errors_are_told_as_in_redis() {
    judge_lines("errors_are_told_as_in_redis", include_str!("sequences/script_errors.txt"));
}

#[test]
fn json_is_read_and_written_as_cjson_does() {
    judge_lines(
        "json_is_read_and_written_as_cjson_does",
        include_str!("sequences/script_json.txt"),
    );
}

#[test]
fn the_library_of_scripts_answers_as_in_redis() {
    judge_lines(
        "the_library_of_scripts_answers_as_in_redis",
        include_str!("sequences/script_library.txt"),
    );
}

#[test]
fn sets_against_each_other_answer_as_redis() {
    judge_lines(
        "sets_against_each_other_answer_as_redis",
        include_str!("sequences/sets_stored.txt"),
    );
}

#[test]
fn sort_answers_as_redis() {
    judge_lines("sort_answers_as_redis", include_str!("sequences/sort.txt"));
}

#[test]
fn details_answer_as_redis() {
    judge_lines("details_answer_as_redis", include_str!("sequences/details.txt"));
}

#[test]
fn bits_and_packs_of_scripts_answer_as_redis() {
    judge_lines(
        "bits_and_packs_of_scripts_answer_as_redis",
        include_str!("sequences/script_packs.txt"),
    );
}
