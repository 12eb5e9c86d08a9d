//! Frames as a page sees them: differences add up to the whole picture, and the bytes are the ones
//! that the page's decoder was written for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use live::{Bounds, Row, Seen, Tree, View};
use proptest::prelude::*;

fn say(tree: &mut Tree, topic: &str, payload: &str, at_ms: i64) {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    tree.apply(&Seen { topic, payload: &payload, qos: 1, retain: false, at_ms, publisher: Some("serre-04") });
}

fn names(tree: &Tree, view: &View) -> Vec<String> {
    tree.frame(view, 0).rows.iter().map(|row| format!("{}{}", " ".repeat(row.depth.into()), row.name)).collect()
}

fn all() -> View {
    View { limit: 200, ..View::default() }
}

#[test]
fn rows_are_in_the_order_people_expect_and_stay_there() {
    let mut tree = Tree::new(Bounds::default());
    for topic in ["s/g/serre-10/t", "s/g/serre-2/t", "s/a", "/", "$SYS/x"] {
        say(&mut tree, topic, "1", 0);
    }
    let first = names(&tree, &all());
    assert_eq!(first, ["", " ", "$SYS", " x", "s", " a", " g", "  serre-2", "   t", "  serre-10", "   t"]);
    say(&mut tree, "s/a", "2", 1);
    assert_eq!(names(&tree, &all()), first);
}

#[test]
fn branches_open_and_close() {
    let mut tree = Tree::new(Bounds::default());
    say(&mut tree, "s/g/d/t", "1", 0);
    let open =
        |open: &[&str]| View { open: Some(open.iter().map(ToString::to_string).collect::<HashSet<_>>()), ..all() };
    assert_eq!(names(&tree, &open(&[])), ["s"]);
    assert_eq!(names(&tree, &open(&["s", "s/g", "s/g/d"])), ["s", " g", "  d", "   t"]);
}

#[test]
fn a_device_with_few_topics_is_open_from_the_start_and_one_with_many_is_not() {
    let mut tree = Tree::new(Bounds::default());
    for n in 0..3 {
        say(&mut tree, &format!("s/g/few/{n}"), "1", 0);
    }
    for n in 0..4 {
        say(&mut tree, &format!("s/g/many/{n}"), "1", 0);
    }
    assert_eq!(names(&tree, &all()), ["s", " g", "  few", "   0", "   1", "   2", "  many"]);
}

#[test]
fn a_search_shows_what_it_found_and_the_way_to_it() {
    let mut tree = Tree::new(Bounds::default());
    say(&mut tree, "s/g/d1/t", "chaud", 0);
    say(&mut tree, "s/g/d2/t", "froid", 0);
    let by = |search: &str, payload: &str| {
        names(&tree, &View { search: search.into(), payload_search: payload.into(), ..all() }).len()
    };
    assert_eq!(by("d1", ""), 4);
    assert_eq!(by("s/+/d2/#", ""), 4);
    assert_eq!(by("", "CHAU"), 4);
    assert_eq!(by("d1", "froid"), 0);
    assert_eq!(by("s/g/#", ""), 6);
}

#[test]
fn over_the_bound_nothing_breaks_and_the_frame_says_so() {
    let mut tree = Tree::new(Bounds { max_nodes: 10, ..Bounds::default() });
    for n in 0..100 {
        say(&mut tree, &format!("t{n}"), "1", 0);
    }
    let frame = tree.frame(&all(), 0);
    assert!(frame.over_bounds);
    assert_eq!(frame.messages, 100);
    assert!(frame.total_rows <= 10);
}

#[test]
fn a_forgotten_branch_leaves_nothing() {
    let mut tree = Tree::new(Bounds::default());
    say(&mut tree, "s/g/d/t", "1", 0);
    say(&mut tree, "s/g/d/u", "1", 0);
    tree.forget_branch("s/g/d");
    assert_eq!(tree.frame(&all(), 0).total_rows, 0);
    assert!(tree.topic("s/g/d/t", 0).is_none());
}

#[test]
fn a_device_row_shows_its_newest_number() {
    let mut tree = Tree::new(Bounds::default());
    say(&mut tree, "s/g/d/measures", r#"{"temperature":21.5}"#, 5);
    say(&mut tree, "s/g/d/etat", "en ligne", 9);
    assert_eq!(tree.newest_of_branch("s/g/d", 10).unwrap().preview, "temperature 21.5");
}

/// What a page holds after it drew a frame on top of what it had.
fn drawn(before: &[Row], tree: &Tree, view: &View, now_ms: i64) -> (Vec<Row>, View) {
    let frame = tree.frame(view, now_ms);
    let mut rows = if frame.whole { Vec::new() } else { before.to_vec() };
    for row in frame.rows {
        match rows.iter_mut().find(|old| old.index == row.index) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }
    rows.sort_by_key(|row| row.index);
    (rows, View { since: frame.version, layout: frame.layout, ..view.clone() })
}

proptest! {
    #[test]
    fn differences_add_up_to_the_whole_window(steps in prop::collection::vec((0usize..12, 0u8..3, 0usize..4), 1..60)) {
        let topics = ["a", "a/b", "a/b/c", "b/x", "b/y/z", "c", "c/d/e/f", "$SYS/u", "a/", "/a", "b", "d/1"];
        let mut tree = Tree::new(Bounds::default());
        let (mut rows, mut view, mut now_ms) = (Vec::new(), View { limit: 8, ..View::default() }, 1_000_000);
        for (topic, what, offset) in steps {
            now_ms += 300;
            match what {
                0 | 1 => say(&mut tree, topics[topic], &format!("{now_ms}"), now_ms),
                _ => tree.tick(now_ms),
            }
            view.offset = offset;
            (rows, view) = drawn(&rows, &tree, &view, now_ms);
            let whole = tree.frame(&View { since: 0, ..view.clone() }, now_ms);
            // A rate and a sparkline fade with time alone; a tick marks what fades.
            let still = |row: &Row| Row { rate: 0.0, spark: Vec::new(), ..row.clone() };
            let (left, right): (Vec<_>, Vec<_>) = (rows.iter().map(still).collect(), whole.rows.iter().map(still).collect());
            prop_assert_eq!(left, right);
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_page_s_decoder() {
    let mut tree = Tree::new(Bounds::default());
    let now_ms = 1_790_000_000_000;
    for n in 0..25 {
        say(
            &mut tree,
            "salle114/groupe-b/serre-04/measures",
            &format!(r#"{{"temperature":{}.5}}"#, 20 + n),
            now_ms - 25_000 + n * 1000,
        );
    }
    say(&mut tree, "salle114/é\u{1F331}", "<b>text</b>", now_ms);
    let open = Some(["salle114", "salle114/groupe-b"].map(String::from).into());
    let view = View { open, selected: Some("salle114/groupe-b/serre-04/measures".into()), ..all() };
    let bytes = tree.frame(&view, now_ms).encode();
    let lines: Vec<String> =
        bytes.chunks(32).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).collect();
    let text = lines.join("\n") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/fixtures/frame.hex");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).expect("assets/fixtures/frame.hex: make it with UPDATE_FIXTURES=1");
    assert_eq!(text, committed, "the frame changed: change ui/src/live/frame.ts with it, then UPDATE_FIXTURES=1");
}
