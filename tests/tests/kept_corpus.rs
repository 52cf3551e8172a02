//! Every input that the fuzzer has kept, through every decoder and the door's packet reader: what was found once is not
//! found again. `scripts/test --long fuzz` looks for more; `fuzz/run minimise` takes it back.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../../fuzz/src/targets.rs"]
mod targets;

/// Where the targets find the rooms' readers, here and in the fuzzer.
mod rooms {
    pub(crate) use alerts::voice;
    pub(crate) use gateway::probe;
}

#[test]
fn every_kept_input_is_read_without_a_fault() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for target in targets::TARGETS {
        let inputs = targets::kept(&corpus, target.name);
        assert!(!inputs.is_empty(), "{}: nothing is kept", target.name);
        for input in &inputs {
            assert!(input.len() <= target.input_bytes_max, "{}: longer than the fuzzer makes them", target.name);
            (target.run)(input);
        }
        println!("{}: {} inputs", target.name, inputs.len());
    }
}

#[test]
fn an_input_is_written_so_that_people_can_read_it_and_read_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = vec![b"{\"a\":1}\\n".to_vec(), Vec::new(), (0..=255).collect::<Vec<u8>>()];
    targets::keep(dir.path(), "any", &inputs);
    assert_eq!(targets::kept(dir.path(), "any"), inputs);
    assert!(std::fs::read_to_string(dir.path().join("any.txt")).unwrap().starts_with("{\"a\":1}\\\\n\n"));
}
