//! Batches from and to an object store: a real S3-compatible server on loopback, several processes, one of them killed.
#![cfg(unix)]
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::s3::Server;
use support::season::{Season, tree};
use support::{rangrez, run, samples_sorted};

fn batch(server: &Server, words: &[&str]) -> Command {
    let mut command = rangrez();
    server.env(&mut command).arg("batch").args(words);
    command
}

/// A server with a bucket of masters, every sample `times` times, and a manifest that names them.
fn season(times: usize, operations: &str, server: &[&str]) -> Option<(Server, Season)> {
    let server = Server::start(server)?;
    server.put("season", b"");
    for photo in samples_sorted() {
        let bytes = fs::read(&photo).unwrap();
        for i in 0..times {
            server.put(&format!("season/masters/{i}/{}", photo.file_name().unwrap().to_str().unwrap()), &bytes);
        }
    }
    server.put("season/masters/notes.txt", b"not a picture, and not listed as one");
    server.put("season/masters/bad.jpg", b"no picture either");
    let season = Season::few(0, "");
    fs::write(season.manifest(), format!("masters = ['s3://season/masters']\n{operations}")).unwrap();
    Some((server, season))
}

/// What lies below `out` in the bucket, except for control.
fn objects(server: &Server) -> BTreeMap<String, Vec<u8>> {
    let names = server.list("season", "out/").into_iter().filter(|name| !name.starts_with("out/.rangrez/"));
    names.map(|name| (name["out/".len()..].to_owned(), server.get(&format!("season/{name}")).1)).collect()
}

#[test]
fn two_shards_one_killed_merge_to_the_report_of_a_single_run() {
    let operations = "sizes = ['96w', '80w', '64x64:pad']\nformats = ['png', 'jpeg']\n[[operation]]\nkind = 'resize'\n";
    // A busy store: every seventh request is to be made again.
    let Some((server, season)) = season(3, operations, &["--stumble", "7"]) else { return };
    let plan = "s3://season/autumn.plan";
    let planned = run(batch(&server, &["plan", "--sample", "2", "-o", plan]).arg(season.manifest()));
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    assert!(planned.out[0].starts_with("70 masters"), "{planned:#?}");
    let whole = season.path("whole");
    let single = run(batch(&server, &["run", plan, "-o"]).arg(&whole));
    assert_eq!(single.code, Some(3), "the bad master: {single:#?}");

    let shard = |shard: &str| batch(&server, &["run", plan, "-o", "s3://season/out", "--jobs", "1", "--shard", shard]);
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut first, mut second) = (quiet(&mut shard("1/2")), quiet(&mut shard("2/2")));
    let start = Instant::now();
    while server.list("season", "out/").len() < 40 {
        assert!(start.elapsed() < Duration::from_mins(1), "nothing is written");
        std::thread::sleep(Duration::from_millis(5));
    }
    second.kill().unwrap();
    second.wait().unwrap();
    assert!(matches!(first.wait().unwrap().code(), Some(0 | 3)));
    let refused = run(&mut batch(&server, &["merge", "s3://season/out"]));
    refused.says(2, &["not done: shards 2/2"]);
    assert!(matches!(run(&mut shard("2/2")).code, Some(0 | 3)));
    let merged = run(&mut batch(&server, &["merge", "s3://season/out"]));
    assert_eq!(merged.code, Some(3), "{merged:#?}");

    let (made, expected) = (objects(&server), tree(&whole));
    assert_eq!(made.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(made == expected, "every byte is that of the single run");
    let picture = made.keys().find(|name| name.contains("@96w.jpg")).unwrap();
    assert!(server.get(&format!("season/out/{picture}")).0.contains("content-type: image/jpeg"));
    let left = server.list("season", "out/.rangrez/");
    assert!(!left.iter().any(|name| name.contains("part-")), "{left:?}");
    // A shard that is done, and a run of the whole with what is there, do nothing again.
    assert_eq!(run(shard("2/2").arg("--json")).out.len(), 0);
    let status = run(&mut batch(&server, &["status", "s3://season/out"]));
    assert_eq!(status.out[0], "70 masters: 69 of 70 done, 0 rejected, 1 failed, 0 pending", "{status:#?}");
}

#[test]
fn masters_and_outputs_that_are_in_the_way_are_told_by_name() {
    let Some((server, season)) = season(1, "sizes = ['32w']\n[[operation]]\nkind = 'resize'\n", &[]) else { return };
    let plan = season.path("p.plan");
    run(batch(&server, &["plan", "--sample", "0", "-o"]).arg(&plan).arg(season.manifest()));
    let names = server.list("season", "masters/0/");
    // One master changes after planning, one is lost, and one output's name is taken.
    server.put(&format!("season/{}", names[0]), b"another content");
    server.delete(&format!("season/{}", names[1]));
    let taken = names[2]["masters/".len()..].replace(".jpg", "@32w.jpg");
    server.put(&format!("season/out/{taken}"), b"mine");
    let ended = run(batch(&server, &["run", "-o", "s3://season/out"]).arg(&plan));
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    let said = |words: &str| ended.err.iter().filter(|line| line.contains(words)).count();
    assert_eq!(said("its content changed after the plan was made"), 1, "{ended:#?}");
    assert_eq!(said("no such object"), 1, "{ended:#?}");
    assert_eq!(said("exists already and is not of this batch"), 1, "{ended:#?}");
    assert_eq!(server.get(&format!("season/out/{taken}")).1, b"mine");
    let made = objects(&server);
    assert_eq!(made.len(), 23 - 3 + 1 + 2, "{:?}", made.keys());
    let forced = run(batch(&server, &["retry", "s3://season/out"]).arg("--json"));
    assert_eq!((forced.code, forced.out.len()), (Some(3), 4), "{forced:#?}");
}
