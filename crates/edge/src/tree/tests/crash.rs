//! SIGKILL while a file is written: what stays has a hidden name, never the final one.

use super::*;
use sockeye_testkit::Process;
use std::io::Write;
use std::process::Command;

/// The folder that the child writes to; set only for the child.
const CHILD: &str = "SOCKEYE_TEST_CRASH_DIR";

#[test]
fn a_killed_writer_leaves_no_final_name() {
    if let Some(folder) = std::env::var_os(CHILD) {
        write_forever(Path::new(&folder));
    }
    for round in 0..20 {
        let ground = Ground::new();
        let mut child = Process::spawn(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--nocapture"])
                .arg("tree::tests::crash::a_killed_writer_leaves_no_final_name")
                .env(CHILD, ground.root().join("dir")),
        );
        // A number of whole files, and then it is killed inside of some step of the next.
        for number in 0..=round {
            child.wait_for(&format!("whole {number}"));
        }
        assert_eq!(child.stop(rustix::process::Signal::KILL).code(), None);
        for name in ground.names("dir").iter().filter(|name| *name != "b") {
            let bytes = fs::read(ground.root().join("dir").join(name)).unwrap();
            let hidden = name.starts_with('.') && name.ends_with(".sockeye-part");
            assert!(hidden || bytes.len() == 100_000, "{name} has {} bytes", bytes.len());
        }
        // Whoever comes next writes the same names undisturbed.
        let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
        let temp = tree.create_temp(&path(&format!("dir/{}", round + 1))).unwrap();
        temp.commit(Overwrite::Always).unwrap();
    }
}

/// The child: writes files in small pieces, and says when each is whole.
fn write_forever(folder: &Path) -> ! {
    let tree = Tree::open(folder, Symlinks::Never).unwrap();
    // Bounded, for where nobody kills it.
    for number in 0..100_000 {
        let mut temp = tree.create_temp(&path(&number.to_string())).unwrap();
        (0..100).for_each(|_| temp.write_all(&[1; 1000]).unwrap());
        temp.commit(Overwrite::Never).unwrap();
        println!("\nwhole {number}");
    }
    std::process::exit(1)
}
