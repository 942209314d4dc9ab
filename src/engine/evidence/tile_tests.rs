use super::super::chain::leaf_hash;
use super::super::tree::root;
use super::*;
use std::collections::HashMap;

#[test]
fn names_are_those_of_the_specification() {
    for (path, expect) in [
        ("tile/0/000", Some((0, 0, 256))),
        ("tile/0/x001/x234/067", Some((0, 1_234_067, 256))),
        ("tile/1/x001/234.p/17", Some((1, 1234, 17))),
        ("tile/7/255.p/255", Some((7, 255, 255))),
        ("tile/8/000", None),
        ("tile/00/000", None),
        ("tile/0/1", None),
        ("tile/0/001/234", None),
        ("tile/0/x000/001", None),
        ("tile/0/x001", None),
        ("tile/0/000.p/0", None),
        ("tile/0/000.p/256", None),
        ("tile/0/000.p/08", None),
        ("tile/0/../../lock", None),
        ("tile/0/+01", None),
        ("tile/0/x999/x999/x999/x999/x999/x999/x999/999", None),
    ] {
        let found = TileName::parse(path);
        assert_eq!(found.map(|name| (name.level, name.index, name.width)), expect, "{path}");
    }
}

#[test]
fn the_example_of_the_specification() {
    // "a tree of size 70,000 will be represented by … one partial level 0 tile of width 112, one full
    // level 1 tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1"
    let shape = |size| {
        let names = partial_tiles(size);
        names.iter().map(|name| (name.level, name.index, name.width)).collect::<Vec<_>>()
    };
    assert_eq!(shape(70_000), [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
    assert_eq!(shape(256), [(1, 0, 1)]);
    assert_eq!(shape(0), []);
}

#[test]
fn the_edge_knows_the_root_at_every_size_and_comes_back_from_its_tiles() {
    let (mut edge, mut full, mut stored) = (Edge::default(), Vec::new(), HashMap::new());
    let leaves: Vec<Hash> = (0..1500_u64).map(|index| leaf_hash(&index.to_be_bytes())).collect();
    let mut by_hand: Vec<Vec<Hash>> = vec![Vec::new()];
    for (index, leaf) in leaves.iter().enumerate() {
        edge.push(*leaf, &mut full);
        stored.extend(full.drain(..).map(|tile| ((tile.name.level, tile.name.index), tile)));
        let size = index as u64 + 1;
        if size.is_multiple_of(97) || size % 256 < 2 || size > 1490 {
            by_hand[0] = leaves[..=index].to_vec();
            let mut lookup = |height: u32, at: u64| {
                let first = (at << height) as usize;
                let bytes = by_hand[0].get(first..first + (1 << height))?.concat();
                Some(fold(&bytes))
            };
            assert_eq!(Some(edge.root()), root(size, &mut lookup), "{size}");
            assert_eq!(Edge::of(size, &edge.partial()).unwrap().root(), edge.root());
            assert_eq!(edge.partial().iter().map(|tile| tile.name).collect::<Vec<_>>(), partial_tiles(size));
        }
    }
    assert_eq!(stored.len(), 5);
    // Every complete subtree is found in its place.
    for (height, index) in [(0, 0), (3, 7), (7, 1), (8, 4), (9, 1), (10, 0)] {
        let (level, tile, within, at) = place(height, index);
        let key = (level, tile);
        let partial = edge.partial();
        let tile = stored.get(&key).or(partial.iter().find(|tile| (tile.name.level, tile.name.index) == key));
        let first = (index << height) as usize;
        let expect = fold(&leaves[first..first + (1 << height)].concat());
        assert_eq!(tile.unwrap().node(within, at), Some(expect), "height {height} index {index}");
    }
}
