//! Every target over its seeds and small changes of them, on any compiler.

use std::{collections::BTreeSet, fs, path::Path};

use mocopr_fuzz::{TARGETS, replay_all};

#[test]
fn no_seed_and_no_small_change_of_one_shows_a_mistake() {
    assert_eq!(replay_all(), [""; 0]);
}

#[test]
fn each_target_has_a_program_seeds_and_no_other_has() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len());
    let entries = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).expect("the folder is there");
        let stem = |path: &Path| path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        entries.map(|entry| stem(&entry.expect("it can be read").path())).collect()
    };
    assert_eq!(entries("fuzz_targets"), names);
    assert_eq!(entries("seeds"), names);
    assert!(entries("dictionaries").is_subset(&names));
    for target in TARGETS {
        let program = fs::read_to_string(root.join("fuzz_targets").join(format!("{}.rs", target.name)));
        let call = format!("mocopr_fuzz::{}(data)", target.name);
        assert!(program.expect("it is there").contains(&call), "{}", target.name);
        assert!(target.seeds().iter().all(|seed| seed.len() <= 4_096), "{}", target.name);
        assert!(target.rounds > 0);
    }
}
