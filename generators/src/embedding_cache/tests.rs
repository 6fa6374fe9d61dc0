use super::*;

fn key(n: u8) -> Key {
    key_of(&[n; 32], &[7; 32], "plain")
}

#[test]
fn numbers_come_back_in_half_precision_and_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(folder.path(), "e", 3).unwrap();
    cache.append(&[(key(1), Some(vec![1.5, -2.25, 0.1])), (key(2), None)]).unwrap();
    cache.append(&[(key(3), Some(vec![4.0, 5.0, 6.0]))]).unwrap();
    for cache in [&cache, &Cache::open(folder.path(), "e", 3).unwrap()] {
        assert_eq!(cache.len(), 3);
        assert_eq!(cache.get(&key(1)).unwrap(), [1.5, -2.25, f16::from_f32(0.1).to_f32()]);
        assert_eq!(cache.get(&key(3)).unwrap(), [4.0, 5.0, 6.0]);
        assert!(cache.contains(&key(2)) && cache.get(&key(2)).is_none());
        assert!(!cache.contains(&key(4)));
    }
    assert!(cache.append(&[(key(9), Some(vec![1.0]))]).is_err());
}

#[test]
fn a_record_that_was_cut_off_is_dropped_and_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(folder.path(), "e", 2).unwrap();
    cache.append(&[(key(1), Some(vec![1.0, 2.0])), (key(2), Some(vec![3.0, 4.0]))]).unwrap();
    drop(cache);
    let path = folder.path().join("e.f16");
    let whole = std::fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(whole - 5).unwrap();
    let mut cache = Cache::open(folder.path(), "e", 2).unwrap();
    assert_eq!((cache.len(), cache.get(&key(2))), (1, None));
    cache.append(&[(key(2), Some(vec![3.0, 4.0])), (key(3), Some(vec![5.0, 6.0]))]).unwrap();
    let cache = Cache::open(folder.path(), "e", 2).unwrap();
    assert_eq!(cache.get(&key(2)).unwrap(), [3.0, 4.0]);
    assert_eq!(cache.get(&key(3)).unwrap(), [5.0, 6.0]);
}

#[test]
fn a_damaged_record_is_refused_and_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.f16");
    Cache::open(folder.path(), "e", 2).unwrap().append(&[(key(1), Some(vec![1.0, 2.0]))]).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[HEADER + KEY] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut cache = Cache::open(folder.path(), "e", 2).unwrap();
    assert_eq!(cache.get(&key(1)), None);
    cache.append(&[(key(1), Some(vec![1.0, 2.0]))]).unwrap();
    assert_eq!(cache.get(&key(1)).unwrap(), [1.0, 2.0]);
}

#[test]
fn two_writers_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut one = Cache::open(folder.path(), "e", 1).unwrap();
    let mut two = Cache::open(folder.path(), "e", 1).unwrap();
    for n in 0..20 {
        one.append(&[(key(n), Some(vec![f32::from(n)]))]).unwrap();
        two.append(&[(key(n + 100), Some(vec![f32::from(n)])), (key(n), Some(vec![99.0]))]).unwrap();
    }
    let cache = Cache::open(folder.path(), "e", 1).unwrap();
    assert_eq!(cache.len(), 40);
    assert!((0..20).all(|n| cache.get(&key(n)).unwrap() == [f32::from(n)]));
}

#[test]
fn another_kind_of_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Cache::open(folder.path(), "e", 2).unwrap();
    let refused = Cache::open(folder.path(), "e", 3).err().unwrap().to_string();
    assert!(refused.contains("remove it"), "{refused}");
    std::fs::write(folder.path().join("text.f16"), "no cache at all, really").unwrap();
    assert!(Cache::open(folder.path(), "text", 2).is_err());
}

#[test]
fn what_is_known_is_not_computed_again_and_bad_photos_are_named() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let photo = |n: u8| {
        let path = folder.path().join(format!("{n}.png"));
        let image = pixels::SrgbImage::filled(8, 8, [n; 3]);
        std::fs::write(&path, pixels::encode(&image, None, pixels::Format::Png, 90).unwrap()).unwrap();
        Plain(path)
    };
    let broken = folder.path().join("broken.jpg");
    std::fs::write(&broken, b"no photo").unwrap();
    let jobs = [photo(10), Plain(broken), photo(20), Plain(folder.path().join("gone.jpg")), photo(10)];
    let mut cache = Cache::open(folder.path(), "mean", 1).unwrap();
    for pass in 0..2 {
        let counted = std::sync::Arc::new(AtomicUsize::new(0));
        let in_worker = counted.clone();
        let load = move || {
            let counted = in_worker.clone();
            let forward: fill::Forward = Box::new(move |codes| {
                counted.fetch_add(codes.size()[0] as usize, Ordering::Relaxed);
                Ok(codes.mean_dim([1, 2, 3].as_slice(), false, tch::Kind::Float))
            });
            Ok(forward)
        };
        let network = Network { id: [1; 32], px: 224, load: &load };
        let (keys, missing) = ensure(&mut cache, &network, &jobs, 2, |_, _| {}).unwrap();
        assert_eq!(missing.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [3, 1], "pass {pass}");
        assert_eq!(cache.get(&keys[2]).unwrap(), [20.0]);
        assert_eq!(cache.get(&keys[4]).unwrap(), [10.0]);
        assert!(counted.load(Ordering::Relaxed) <= if pass == 0 { 3 } else { 0 });
    }
}
