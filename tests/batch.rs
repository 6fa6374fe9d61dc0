//! Batches, with the real program on the sample photos: what is done is not done again, and nothing is ever half there.
#![cfg(unix)]
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::season::{Season, rows, tree, unfinished};
use support::{as_ordinary_user, rangrez, run, sample};

fn batch(words: &[&str]) -> Command {
    let mut command = rangrez();
    command.arg("batch").args(words);
    command
}

fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: the process is our own child and has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
}

#[test]
fn a_plan_is_made_run_and_not_run_again() {
    let season =
        Season::new(1, "sizes = ['96w', '64x64:pad']\nformats = ['jpeg', 'webp']\n[[operation]]\nkind = 'resize'\n");
    fs::write(season.path("masters/zz-notes.jpg"), "Dear designer, the photo is in the other mail.\n").unwrap();
    let dry = run(batch(&["plan", "--dry-run", "--sample", "3"]).arg(season.manifest()));
    assert_eq!(dry.code, Some(0), "{dry:#?}");
    assert!(dry.out[0].starts_with("24 masters (") && dry.out[0].ends_with("24 tasks, 96 files"), "{dry:#?}");
    assert!(dry.out.iter().any(|line| line.contains("95% intervals from 3 masters")), "{dry:#?}");
    assert!(!season.path("autumn.plan").exists());

    let planned = run(batch(&["plan"]).arg(season.manifest()).arg("-o").arg(season.path("autumn.plan")));
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    let again = run(batch(&["plan"]).arg(season.manifest()).arg("-o").arg(season.path("autumn.plan")));
    again.starts(2, &["autumn.plan", "exists"]);

    let out = season.path("out");
    let ended = run(batch(&["run", "--json"]).arg(season.path("autumn.plan")).arg("-o").arg(&out));
    assert_eq!(ended.code, Some(3), "one input is bad: {ended:#?}");
    assert_eq!(ended.out.len(), 24, "a line per task");
    assert!(ended.err.iter().any(|line| line.contains("zz-notes.jpg: not a JPEG")), "{ended:#?}");
    let made = rows(&out);
    assert_eq!(made.len(), 24);
    let bad = made.iter().find(|row| row["master"] == "zz-notes.jpg").unwrap();
    assert!(bad["state"] == "failed" && bad["reason"].as_str().unwrap().contains("text file"), "{bad}");
    for file in made.iter().flat_map(|row| row["files"].as_array().cloned().unwrap_or_default()) {
        let bytes = fs::read(out.join(file["file"].as_str().unwrap())).unwrap();
        assert_eq!(generators::checkpoint::sha256_hex(&bytes), file["sha256"].as_str().unwrap(), "{file}");
    }
    let before = tree(&out);
    assert_eq!(before.len(), 23 * 4 + 2, "{:?}", before.keys());

    let times =
        |out: &Path| tree(out).keys().map(|name| fs::metadata(out.join(name)).unwrap().modified().unwrap()).max();
    let (newest, again) =
        (times(&out), run(batch(&["run", "--verify"]).arg(season.path("autumn.plan")).arg("-o").arg(&out)));
    assert_eq!(again.code, Some(3), "{again:#?}");
    assert_eq!(tree(&out), before);
    let pictures = before
        .keys()
        .filter(|name| !name.starts_with("report"))
        .map(|name| fs::metadata(out.join(name)).unwrap().modified().unwrap())
        .max();
    assert!(pictures <= newest, "no picture was written again");

    // A file that is lost is made again, and one that is damaged is found by --verify.
    let name = before.keys().find(|name| name.ends_with("@96w.jpg")).unwrap();
    fs::remove_file(out.join(name)).unwrap();
    let webp = before.keys().find(|name| name.ends_with("@96w.webp")).unwrap();
    let damaged = vec![0; before[webp].len()];
    fs::write(out.join(webp), damaged).unwrap();
    let mended = run(batch(&["run", "--verify", "--force"]).arg(season.path("autumn.plan")).arg("-o").arg(&out));
    assert!(mended.err.iter().any(|line| line.contains("lost files")), "{mended:#?}");
    assert_eq!(tree(&out), before);

    let status = run(batch(&["status"]).arg(&out));
    assert_eq!(status.out[0], "24 masters: 23 of 24 done, 0 rejected, 1 failed, 0 pending", "{status:#?}");
}

#[test]
fn a_changed_recipe_or_master_is_done_again_and_a_bad_one_retried() {
    let season = Season::new(1, "sizes = ['96w']\n[[operation]]\nkind = 'resize'\n");
    let out = season.path("out");
    let go = || run(batch(&["run", "--json"]).arg(season.manifest()).arg("-o").arg(&out));
    assert_eq!(go().out.len(), 23);
    assert_eq!(go().out.len(), 0, "nothing to do");
    let first = season.masters().remove(0);
    fs::copy(season.masters().remove(1), &first).unwrap();
    let changed = go();
    assert_eq!((changed.code, changed.out.len()), (Some(0), 1), "only the master that changed: {changed:#?}");
    season.write("sizes = ['96w']\n[[operation]]\nkind = 'resize'\nquality = 60\n");
    let changed = go();
    assert_eq!((changed.code, changed.out.len()), (Some(0), 23), "a changed recipe: {changed:#?}");
    season.write("sizes = ['96w', '48w']\n[[operation]]\nkind = 'resize'\nquality = 60\n");
    assert_eq!(go().out.len(), 23);

    // A master that changes after planning fails by name, and is made once it is planned again.
    run(batch(&["plan", "--sample", "0"]).arg(season.manifest()).arg("-o").arg(season.path("p.plan")));
    let fresh = season.path("fresh");
    fs::copy(sample(), &first).unwrap();
    fs::write(&first, [fs::read(&first).unwrap(), b"x".to_vec()].concat()).unwrap();
    let stale = run(batch(&["run"]).arg(season.path("p.plan")).arg("-o").arg(&fresh));
    stale.starts(3, &["its content changed after the plan was made"]);
    let retried = run(batch(&["retry", "--json"]).arg(&fresh));
    assert_eq!((retried.code, retried.out.len()), (Some(3), 1), "{retried:#?}");
    let again = run(batch(&["run", "--json"]).arg(season.manifest()).arg("-o").arg(&fresh));
    assert_eq!((again.code, again.out.len()), (Some(0), 1), "{again:#?}");
}

#[test]
fn killed_at_any_moment_it_ends_with_the_same_tree() {
    let manifest =
        "sizes = ['100w', '80w', '60w', '50x50:pad', '40w', '30w', '20w', '10w']\n[[operation]]\nkind = 'resize'\n";
    let season = Season::new(5, manifest);
    fs::write(season.path("masters/bad.jpg"), b"").unwrap();
    let plan = season.path("p.plan");
    run(batch(&["plan", "--sample", "0"]).arg(season.manifest()).arg("-o").arg(&plan));
    let whole = season.path("whole");
    let start = Instant::now();
    assert_eq!(run(batch(&["run"]).arg(&plan).arg("-o").arg(&whole)).code, Some(3));
    let all = start.elapsed();
    let expected = tree(&whole);

    let out = season.path("killed");
    let (mut kills, mut random) = (0, 0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..8 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = all.mul_f64((random >> 33) as f64 / (1_u64 << 31) as f64 * 0.5);
        let mut child =
            batch(&["run"]).arg(&plan).arg("-o").arg(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(pause);
        if child.try_wait().unwrap().is_none() {
            signal(&child, libc::SIGKILL);
            kills += 1;
        }
        child.wait().unwrap();
        // Whatever is there is whole.
        for (name, bytes) in tree(&out) {
            assert!(name.starts_with("report") || expected[&name] == bytes, "{name} is not whole");
        }
    }
    assert!(kills >= 3, "killed only {kills} times, that shows nothing");
    assert_eq!(run(batch(&["run"]).arg(&plan).arg("-o").arg(&out)).code, Some(3));
    assert_eq!(tree(&out), expected);
    assert_eq!(unfinished(&out), Vec::<String>::new());
    let tasks: Vec<_> = rows(&out).into_iter().map(|row| row["task"].as_str().unwrap().to_owned()).collect();
    let mut once = tasks.clone();
    once.dedup();
    assert_eq!((tasks.len(), once), (23 * 5 + 1, tasks.clone()), "no row is lost or doubled");
}

#[test]
fn interrupted_it_says_so_and_goes_on_later() {
    let season =
        Season::new(12, "sizes = ['100w', '90w', '80w', '70w']\nformats = ['png']\n[[operation]]\nkind = 'resize'\n");
    let out = season.path("out");
    let mut child = batch(&["run", "--json"])
        .arg(season.manifest())
        .arg("-o")
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    lines.next().expect("the first task").unwrap();
    // While it runs, a second run is kept away.
    let second = run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&out));
    second.starts(2, &["another run is working on this output"]);
    signal(&child, libc::SIGINT);
    let finished = 1 + lines.count();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(finished < 23 * 12, "it was interrupted");
    assert_eq!(unfinished(&out), Vec::<String>::new());
    let pending = rows(&out).iter().filter(|row| row["state"] == "pending").count();
    assert_eq!(pending, 23 * 12 - finished, "what was told is recorded");
    let ended = run(batch(&["run", "--json"]).arg(season.manifest()).arg("-o").arg(&out));
    assert_eq!((ended.code, ended.out.len()), (Some(0), pending), "{:?}", ended.err);
}

#[test]
fn too_many_failures_stop_it() {
    let season = Season::new(1, "sizes = ['32w']\n[[operation]]\nkind = 'resize'\n");
    for i in 0..200 {
        fs::write(season.path(&format!("masters/a-bad-{i:03}.jpg")), b"no picture").unwrap();
    }
    let out = season.path("out");
    let ended = run(batch(&["run", "--max-failures", "3"]).arg(season.manifest()).arg("-o").arg(&out));
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.err.last().unwrap().contains("--max-failures 3"), "{ended:#?}");
    assert!(ended.err.len() < 30, "{ended:#?}");
}

#[test]
fn files_that_no_batch_made_are_not_touched() {
    let season = Season::new(1, "sizes = ['full']\n[[operation]]\nkind = 'resize'\n");
    let out = season.path("out");
    fs::create_dir(&out).unwrap();
    let name = season.masters()[0].file_name().unwrap().to_owned();
    fs::write(out.join(&name), b"mine").unwrap();
    let refused = run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&out));
    refused.says(2, &["exists already", "--force"]);
    assert_eq!(fs::read(out.join(&name)).unwrap(), b"mine");
    run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(season.path("masters"))).says(2, &["holds masters"]);
    // What appears while it runs is refused for its task alone.
    let late = season.path("late");
    assert_eq!(run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&late)).code, Some(0));
    fs::write(late.join(&name), b"mine").unwrap();
    let ended = run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&late));
    ended.starts(3, &["1 finished tasks lost files"]);
    assert!(ended.err[1].contains("exists already and is not of this batch"), "{ended:#?}");
    assert_eq!(fs::read(late.join(&name)).unwrap(), b"mine");
    assert_eq!(run(batch(&["retry"]).arg(&late)).code, Some(3));
    assert_eq!(
        run(batch(&["run", "--force"]).arg(season.manifest()).arg("-o").arg(&late)).code,
        Some(3),
        "a failure stays until it is retried"
    );
}

#[test]
fn an_unwritable_output_is_found_before_work_starts() {
    use std::os::unix::fs::PermissionsExt;
    let season = Season::new(1, "sizes = ['32w']\n[[operation]]\nkind = 'resize'\n");
    let out = season.path("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o500)).unwrap();
    let mut command = batch(&["run"]);
    let ended = run(as_ordinary_user(command.arg(season.manifest()).arg("-o").arg(&out)));
    ended.says(2, &["cannot write to the output folder", "Permission denied"]);
}

#[test]
fn an_output_folder_that_disappears_ends_the_run() {
    let season =
        Season::new(12, "sizes = ['100w', '90w', '80w', '70w']\nformats = ['png']\n[[operation]]\nkind = 'resize'\n");
    let (out, away) = (season.path("out"), season.path("away"));
    let mut child = batch(&["run", "--json"])
        .arg(season.manifest())
        .arg("-o")
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    lines.next().expect("the first task").unwrap();
    fs::rename(&out, &away).unwrap();
    lines.for_each(drop);
    let ended: support::Run = child.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.err.iter().any(|line| line.contains("is gone")), "{ended:#?}");
    assert!(!out.exists(), "the folder is not made again");
    fs::rename(&away, &out).unwrap();
    let whole = season.path("whole");
    assert_eq!(run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&out)).code, Some(0));
    assert_eq!(run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&whole)).code, Some(0));
    assert_eq!(tree(&out), tree(&whole));
    assert_eq!(unfinished(&out), Vec::<String>::new());
}

/// A full disk ends the run; with room again it goes on. `None` where mounting isn't allowed.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_room_lets_it_go_on() {
    let season = Season::new(4, "sizes = ['100w', '90w', '80w']\nformats = ['png']\n[[operation]]\nkind = 'resize'\n");
    let whole = season.path("whole");
    assert_eq!(run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&whole)).code, Some(0));
    let (disk, kept) = (season.path("disk"), season.path("kept"));
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=700k none \"$DISK\" || exit 99
        \"$RANGREZ\" batch run \"$MANIFEST\" -o \"$DISK/out\"; echo \"first $?\"
        find \"$DISK/out\" -name '*.png' | wc -l
        mount -o remount,size=64m \"$DISK\" || exit 99
        \"$RANGREZ\" batch run \"$MANIFEST\" -o \"$DISK/out\"; echo \"second $?\"
        cp -r \"$DISK/out\" \"$KEPT\"";
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--map-root-user", "sh", "-c", script]).env_remove("RUST_BACKTRACE");
    shell
        .env("DISK", &disk)
        .env("KEPT", &kept)
        .env("MANIFEST", season.manifest())
        .env("RANGREZ", env!("CARGO_BIN_EXE_rangrez"));
    let Ok(output) = shell.output() else { return };
    let ended: support::Run = output.into();
    if ended.code == Some(99) || ended.err.first().is_some_and(|line| line.starts_with("unshare:")) {
        eprintln!("skipped, no mounting here: {ended:#?}");
        return;
    }
    assert!(ended.out.contains(&"first 3".to_owned()), "{ended:#?}");
    // Either a rendition or the ledger is the first to find no room.
    let says_full = |line: &String| line.contains("No space left on device") || line.contains("disk is full");
    assert!(ended.err.iter().any(says_full), "{ended:#?}");
    assert!(ended.out.iter().any(|line| line.trim().parse::<u32>().is_ok_and(|n| n < 23 * 4 * 3)), "{ended:#?}");
    assert!(ended.out.contains(&"second 0".to_owned()), "{ended:#?}");
    assert_eq!(tree(&kept), tree(&whole));
    assert_eq!(unfinished(&kept), Vec::<String>::new());
}

#[test]
fn shards_merge_to_the_report_of_a_single_run() {
    let season = Season::new(2, "sizes = ['96w', '48w']\n[[operation]]\nkind = 'resize'\n");
    fs::write(season.path("masters/bad.jpg"), b"").unwrap();
    let plan = season.path("p.plan");
    run(batch(&["plan", "--sample", "0"]).arg(season.manifest()).arg("-o").arg(&plan));
    let (whole, out) = (season.path("whole"), season.path("out"));
    assert_eq!(run(batch(&["run"]).arg(&plan).arg("-o").arg(&whole)).code, Some(3));
    let shard =
        |shard: &str| batch(&["run", "--json", "--shard", shard, "-o", out.to_str().unwrap(), plan.to_str().unwrap()]);
    let merge = || run(batch(&["merge"]).arg(&out));
    let first = run(shard("1/3").env("UNUSED", "1"));
    assert!(matches!(first.code, Some(0 | 3)), "{first:#?}");
    merge().says(2, &["not done: shards 2/3, 3/3"]);
    // The index of the third comes from an engine.
    let settled = run(shard("auto/3").env("JOB_COMPLETION_INDEX", "2").arg("--settled-ok"));
    assert_eq!(settled.code, Some(0), "{settled:#?}");
    merge().says(2, &["not done: shards 2/3"]);
    let (mut one, mut other) = (shard("2/3"), shard("2/3"));
    let killed = one.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(60));
    signal(&killed, libc::SIGKILL);
    { killed }.wait().unwrap();
    assert_eq!(run(other.arg("--settled-ok")).code, Some(0));
    let merged = merge();
    assert_eq!(merged.code, Some(3), "the bad master: {merged:#?}");
    assert_eq!(tree(&out), tree(&whole));
    assert_eq!(unfinished(&out), Vec::<String>::new());
    assert_eq!(run(&mut shard("2/3")).out.len(), 0, "a shard that is done has nothing to do");
    let status = run(batch(&["status"]).arg(&out));
    assert_eq!(status.out.iter().filter(|line| line.ends_with("complete")).count(), 3, "{status:#?}");
    // Other plans' shards are not merged.
    season.write("sizes = ['96w']\n[[operation]]\nkind = 'resize'\n");
    assert!(run(batch(&["run", "--shard", "1/3"]).arg(season.manifest()).arg("-o").arg(&out)).code.is_some());
    merge().says(2, &["not done: shards 2/3, 3/3"]);
}

#[test]
fn recolourings_are_judged_and_a_new_colour_makes_only_itself() {
    let season = Season::few(
        2,
        "sizes = ['full', '64x64:pad']\n[[operation]]\nkind = 'recolor'\nto = ['teal']\ngate = 'report'\n[[operation]]\nkind = 'resize'\nfolder = 'plain'\n",
    );
    let out = season.path("out");
    let go = || run(batch(&["run", "--json"]).arg(season.manifest()).arg("-o").arg(&out));
    let first = go();
    assert!(matches!(first.code, Some(0 | 1)), "{first:#?}");
    let made = rows(&out);
    assert_eq!(made.len(), 4);
    let dyed = made.iter().find(|row| row["operation"] == "recolor").unwrap();
    assert_eq!((dyed["variant"].as_str(), dyed["color"]["asked"].as_str()), (Some("teal"), Some("#008080")), "{dyed}");
    assert!(dyed["gate"]["score"].is_f64() && dyed["color"]["delta_e00"].as_f64().unwrap() < 1.0, "{dyed}");
    // The same picture as recolor makes.
    let alone = season.path("alone");
    let master = season.masters().remove(0);
    let sizes = ["--sizes", "full,64x64:pad", "--gate", "report", "--to", "teal", "-o"];
    run(rangrez().arg("recolor").arg(&master).args(sizes).arg(&alone));
    let stem = master.file_stem().unwrap().to_str().unwrap();
    for name in [format!("{stem}--teal.jpg"), format!("{stem}--teal@64x64-pad.jpg")] {
        assert_eq!(fs::read(out.join(&name)).unwrap(), fs::read(alone.join(&name)).unwrap(), "{name}");
    }
    let manifest = fs::read_to_string(season.manifest()).unwrap().replace("['teal']", "['maroon', 'teal']");
    fs::write(season.manifest(), manifest).unwrap();
    let more = go();
    assert_eq!(more.out.len(), 2, "only the new colour: {more:#?}");
    assert!(more.out.iter().all(|line| line.contains("maroon")), "{more:#?}");
    // Weights other than the plan's are refused.
    let plan = season.path("p.plan");
    run(batch(&["plan", "--sample", "0"]).arg(season.manifest()).arg("-o").arg(&plan));
    let weights = season.path("weights");
    fs::create_dir(&weights).unwrap();
    for file in fs::read_dir(support::weights()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), weights.join(file.file_name())).unwrap();
    }
    let taxonomy = weights.join("taxonomy.toml");
    fs::write(&taxonomy, fs::read_to_string(&taxonomy).unwrap() + "\n# changed\n").unwrap();
    let refused = run(batch(&["run"]).arg(&plan).arg("--weights").arg(&weights).arg("-o").arg(season.path("other")));
    refused.starts(4, &["taxonomy.toml is not the one that the plan was made with"]);
}

#[test]
fn what_is_wrong_is_said_before_work_starts() {
    let season = Season::new(1, "sizes = ['32w']\n[[operation]]\nkind = 'resize'\nto = ['red']\n");
    let out = season.path("out");
    let go = |words: &[&str]| run(batch(words).arg(season.manifest()).arg("-o").arg(&out));
    go(&["run"]).says(2, &["autumn.toml", "operation resize: a resize has no colours"]);
    season.write("sizes = ['32w']\n[[operation]]\nkind = 'resize'\n");
    go(&["run", "--shard", "9/3"]).says(2, &["--shard 9/3"]);
    go(&["run", "--memory", "10MB"]).says(2, &["--memory", "too little"]);
    run(batch(&["status"]).arg(season.path("masters"))).says(2, &["is not the output of a batch"]);
    run(batch(&["retry"]).arg(season.path("nowhere"))).says(2, &["no such folder"]);
    run(batch(&["run"]).arg(sample()).arg("-o").arg(&out)).says(2, &["not a plan"]);
    assert!(!out.exists());
}

#[test]
fn resizes_centre_garments_by_named_profiles() {
    let season = Season::few(
        1,
        "[[operation]]\nkind = 'resize'\nprofile = 'mine.toml#square'\n[[operation]]\nkind = 'resize'\nname = 'small'\nsizes = ['40w']\ngamma = true\n",
    );
    let profiles = "[square]\nsizes = ['120x160:garment']\nformats = ['png']\nsharpen = 0.5\n";
    fs::write(season.path("mine.toml"), profiles).unwrap();
    let out = season.path("out");
    let ended = run(batch(&["run"]).arg(season.manifest()).arg("-o").arg(&out));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    // The same pictures as the command makes.
    let (master, alone) = (season.masters().remove(0), season.path("alone"));
    let own = |words: &[&str]| run(rangrez().arg("resize").arg(&master).args(words).arg("-o").arg(&alone)).code;
    assert_eq!(own(&["--sizes", "120x160:garment", "--format", "png", "--sharpen", "0.5"]), Some(0));
    assert_eq!(own(&["--sizes", "40w", "--gamma"]), Some(0));
    let names = support::names(&alone);
    assert_eq!(names.len(), 2, "{names:?}");
    for name in names {
        assert_eq!(fs::read(out.join(&name)).unwrap(), fs::read(alone.join(&name)).unwrap(), "{name}");
    }
    // Weights decide where garments are, and so stand in the plan.
    let plan = season.path("p.plan");
    run(batch(&["plan", "--sample", "0"]).arg(season.manifest()).arg("-o").arg(&plan));
    assert!(fs::read_to_string(&plan).unwrap().contains("segmenter.safetensors"));
}
