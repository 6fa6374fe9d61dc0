//! `rangrez map` on the sample photos, through the program's front door.
// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use support::{names, rangrez, run, samples};

#[test]
fn every_photo_is_a_point_and_labels_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (labels, out) = (folder.path().join("labels.csv"), folder.path().join("out"));
    // The second label is wrong on purpose, the third names a department.
    fs::write(
        &labels,
        "photo,label\nteal-polo-carpet,Polo Shirts\nblue-jeans-brick-wall.jpg,Watches\nbrown-leather-shoes,Footwear\n",
    )
    .unwrap();
    let draw = |force: &[&str]| {
        run(rangrez().arg("map").arg(samples()).arg("--labels").arg(&labels).args(force).arg("-o").arg(&out))
    };
    let ended = draw(&[]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(names(&out), ["map.csv", "map.html"]);
    let table = fs::read_to_string(out.join("map.csv")).unwrap();
    let photos = names(&samples()).len();
    assert_eq!(table.lines().count(), photos + 1);
    assert!(table.lines().any(|line| line.contains("blue-jeans-brick-wall") && line.ends_with("Watches")), "{table}");
    let page = fs::read_to_string(out.join("map.html")).unwrap();
    assert_eq!(page.matches("data:image/jpeg").count(), photos + 1, "a picture per point and the error's");
    assert!(page.contains("2 of 3 labelled photos"), "polo and shoes are called by their labels");
    assert_eq!(draw(&[]).code, Some(2), "nothing is replaced without --force");
    assert_eq!(draw(&["--force"]).code, Some(0));
    assert_eq!(fs::read_to_string(out.join("map.csv")).unwrap(), table, "the same photos give the same map");
}
