//! The seeds of every fuzz target, and small changes of them, on the compiler that builds the project.

#[test]
fn no_seed_of_a_fuzz_target_and_no_small_change_of_one_shows_a_mistake() {
    assert_eq!(mocopr_fuzz::replay_all(), [""; 0]);
}
