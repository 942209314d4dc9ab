pub(super) mod support;

use super::*;
use crate::engine::terms::{Level, NationalGrade, SharingType, Text};
use std::sync::Arc;

fn dataset(level: Level, personal: bool) -> Dataset {
    Dataset {
        id: "enterprise".into(),
        code: "306001/1".into(),
        title: Text { zh: "企业".into(), en: "Enterprises".into() },
        department: "11330100MB0000051Y".into(),
        sharing: SharingType::Unconditional,
        condition: None,
        basis: None,
        level,
        grade: NationalGrade::General,
        personal,
        labels: Vec::new(),
        fields: Arc::default(),
        watch: [].into(),
    }
}

#[test]
fn only_what_is_not_classified_passes_unread() {
    let table = [
        (Level::L1, false, true),
        (Level::L1, true, false),
        (Level::L2, false, false),
        (Level::L3, true, false),
        (Level::L4, false, false),
    ];
    for (level, personal, expect) in table {
        let grant = OpaqueGrant::for_dataset(&dataset(level, personal));
        assert_eq!(grant.is_some(), expect, "{level} {personal}");
        if let Some(grant) = grant {
            assert_eq!(Masked::opaque(vec![1, 2], &grant).as_bytes(), [1, 2]);
        }
    }
}

#[test]
fn the_size_is_shown_and_never_the_content() {
    let mut masked = Masked(b"330106196502142015".to_vec());
    masked.append(Masked(b"x".to_vec()));
    assert_eq!(format!("{masked:?}"), "Masked(19 bytes)");
    assert_eq!((masked.len(), masked.is_empty(), masked.into_bytes().len()), (19, false, 19));
}
