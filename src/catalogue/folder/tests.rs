use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn write(root: &Path, path: &str, text: &str) {
    let place = root.join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, text).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).unwrap();
}

fn refusal(root: &Path) -> String {
    Folder::read(root).map_or_else(|faults| faults.to_string(), |_| String::new())
}

#[test]
fn reads_what_is_ours_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    for path in [
        "a.cedar",
        "schema.cedarschema",
        "labels.yaml",
        "catalogue/tax.yaml",
        "openapi/x.json",
        "a.cedar~",
        "#a.cedar#",
        "#a.cedar",
        ".a.cedar",
        ".a.cedar.swp",
        "README.md",
        "..2024/a.cedar",
        ".git/x.yaml",
    ] {
        write(root.path(), path, path);
    }
    let folder = Folder::read(root.path()).unwrap();
    let expect = ["a.cedar", "catalogue/tax.yaml", "labels.yaml", "openapi/x.json", "schema.cedarschema"];
    assert_eq!(folder.paths().collect::<Vec<_>>(), expect);
    assert_eq!(folder.text("a.cedar").unwrap(), Some("a.cedar"));
    assert_eq!(folder.paths_in("catalogue", ".yaml").collect::<Vec<_>>(), ["catalogue/tax.yaml"]);
    assert_eq!(folder.paths_in("", ".cedar").collect::<Vec<_>>(), ["a.cedar"]);
    let embedded = Folder::from_files(expect.map(|path| (path, path))).unwrap();
    assert_eq!(folder.digest(), embedded.digest());
}

#[test]
fn the_digest_tells_every_difference() {
    let of = |files: &[(&str, &str)]| Folder::from_files(files.iter().copied()).unwrap().digest();
    let digests = [
        of(&[("a.yaml", "x"), ("b.yaml", "y")]),
        of(&[("a.yaml", "y"), ("b.yaml", "x")]),
        of(&[("a.yaml", "xb.yaml"), ("c.yaml", "y")]),
        of(&[("a.yaml", "x")]),
        of(&[("a.yaml", "")]),
    ];
    for (place, digest) in digests.iter().enumerate() {
        assert!(!digests[..place].contains(digest), "{place}");
    }
    assert_eq!(of(&[("b.yaml", "y"), ("a.yaml", "x")]), digests[0]);
}

#[test]
fn follows_a_kubernetes_style_swap() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "..one/labels.yaml", "one");
    write(root.path(), "..two/labels.yaml", "two");
    symlink("..one", root.path().join("..data")).unwrap();
    symlink("..data/labels.yaml", root.path().join("labels.yaml")).unwrap();
    let one = Folder::read(root.path()).unwrap();
    assert_eq!(one.text("labels.yaml").unwrap(), Some("one"));
    symlink("..two", root.path().join("..tmp")).unwrap();
    fs::rename(root.path().join("..tmp"), root.path().join("..data")).unwrap();
    let two = Folder::read(root.path()).unwrap();
    assert_eq!(two.text("labels.yaml").unwrap(), Some("two"));
    assert_ne!(one.digest(), two.digest());
}

#[test]
fn never_mixes_two_states_of_a_folder_that_is_swapped_all_the_time() {
    let root = tempfile::tempdir().unwrap();
    for state in ["one", "two"] {
        for file in 0..20 {
            write(root.path(), &format!("..{state}/{file}.yaml"), state);
        }
    }
    symlink("..one", root.path().join("..data")).unwrap();
    for file in 0..20 {
        symlink(format!("..data/{file}.yaml"), root.path().join(format!("{file}.yaml"))).unwrap();
    }
    let place = root.path().to_owned();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let swapper = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            let mut swaps = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                swaps += 1;
                symlink(["..one", "..two"][swaps as usize % 2], place.join("..tmp")).unwrap();
                fs::rename(place.join("..tmp"), place.join("..data")).unwrap();
                let pause = if swaps.is_multiple_of(9) { 90 } else { 3 };
                std::thread::sleep(std::time::Duration::from_millis(pause));
            }
        })
    };
    let mut read = 0;
    for _ in 0..12 {
        // Either one state, or a refusal: never both states in one value.
        if let Ok(folder) = Folder::read(root.path()) {
            let first = folder.text("0.yaml").unwrap().unwrap().to_owned();
            assert!(folder.paths().all(|path| folder.text(path).unwrap() == Some(first.as_str())));
            read += 1;
        }
    }
    assert!(read > 0, "in a longer pause the folder can be read");
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    swapper.join().unwrap();
}

#[test]
fn refuses_what_is_not_a_plain_file_of_the_folder() {
    type Make = fn(&Path, &Path);
    let cases: [(&str, Make); 9] = [
        ("x.yaml: is a link that leaves the policies folder", |root, other| {
            fs::write(other.join("secret.yaml"), "s").unwrap();
            symlink(other.join("secret.yaml"), root.join("x.yaml")).unwrap();
        }),
        ("x.yaml: is a link that leaves the policies folder", |root, _| {
            symlink("/dev/zero", root.join("x.yaml")).unwrap()
        }),
        ("sub: is a link that leaves the policies folder", |root, other| {
            symlink(other, root.join("sub")).unwrap()
        }),
        ("x.yaml: cannot be read", |root, _| symlink("x.yaml", root.join("x.yaml")).unwrap()),
        ("x.yaml: cannot be read", |root, _| symlink("nowhere", root.join("x.yaml")).unwrap()),
        ("sub/again: is a link that leads in a circle", |root, _| {
            fs::create_dir(root.join("sub")).unwrap();
            symlink("..", root.join("sub/again")).unwrap();
        }),
        ("x.yaml: is not a plain file", |root, _| {
            std::os::unix::net::UnixListener::bind(root.join("x.yaml")).unwrap();
        }),
        ("x.yaml: may be written by anybody", |root, _| {
            write(root, "x.yaml", "");
            fs::set_permissions(root.join("x.yaml"), fs::Permissions::from_mode(0o666)).unwrap();
        }),
        ("1/2/3/4/5: is deeper than 4 folders", |root, _| write(root, "1/2/3/4/5/x.yaml", "")),
    ];
    for (expect, make) in cases {
        let root = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        write(root.path(), "labels.yaml", "");
        make(root.path(), other.path());
        let found = refusal(root.path());
        assert!(found.starts_with(expect), "{expect}: {found:?}");
    }
}

#[test]
fn a_fifo_does_not_hold_the_reader() {
    let root = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(root.path().join("x.yaml")).status().unwrap();
    assert!(made.success());
    assert_eq!(refusal(root.path()), "x.yaml: is not a plain file");
}

#[test]
fn limits_and_empty_folders() {
    let root = tempfile::tempdir().unwrap();
    assert!(refusal(root.path()).contains("holds no policies"));
    assert!(refusal(&root.path().join("nowhere")).contains("cannot be read"));
    fs::File::create(root.path().join("x.yaml")).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
    assert_eq!(refusal(root.path()), "x.yaml: is larger than 8 MiB");
    assert_eq!(refusal(&root.path().join("x.yaml")).rsplit(": ").next(), Some("is not a folder"));
    assert!(Folder::from_files([("../x.yaml", "")]).is_err());
    assert!(Folder::from_files([("x.yaml", vec![0; FILE_BYTES_MAX as usize + 1])]).is_err());
    let latin = Folder::from_files([("x.yaml", vec![b'a', 0xff])]).unwrap();
    assert_eq!(latin.text("x.yaml").unwrap_err().to_string(), "x.yaml: is not UTF-8 (after 1 bytes)");
}
