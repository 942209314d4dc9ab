//! The public catalogue of datasets: DCAT-AP 3 as JSON-LD, and a page.
//!
//! Every dataset stands in it, also those that are not shared, with the legal basis and the day of the
//! next review (Regulation on Government Data Sharing, catalogue chapter). Hidden routes do not: their
//! whole point is that nobody learns of them. Vocabularies: DCAT 3, DCAT-AP 3.0.1 and the EU
//! authority tables for access rights, themes, languages and file types; what has no term there
//! (level, sharing attribute, review) stands under the catalogue's own address.
//!
//! ```
//! use zhamen::ops::registers::catalogue::access_right;
//! use zhamen::engine::terms::{Level, SharingType};
//! assert_eq!(access_right(SharingType::NotShared, Level::L4), "NON_PUBLIC");
//! ```

use super::{escape, page, said, table, word};
use crate::config::settings::CatalogueSettings;
use crate::engine::canonical::Language;
use crate::engine::dataset::Dataset;
use crate::engine::terms::{Interface, Level, SharingType, Text};
use crate::state::snapshot::Snapshot;
use serde_json::{Value, json};

/// The profile that the document conforms to.
pub const PROFILE: &str = "https://semiceu.github.io/DCAT-AP/releases/3.0.1/";
const AUTHORITY: &str = "http://publications.europa.eu/resource/authority";
const MEDIA_TYPE: &str = "https://www.iana.org/assignments/media-types/application/json";

/// The value of the EU vocabulary `access-right`: what anybody may have is public, what needs a
/// condition or concerns persons restricted, what is not shared non-public.
pub fn access_right(sharing: SharingType, level: Level) -> &'static str {
    match (sharing, level) {
        (SharingType::Unconditional, Level::L1) => "PUBLIC",
        (SharingType::Unconditional, Level::L2 | Level::L3 | Level::L4) | (SharingType::Conditional, _) => {
            "RESTRICTED"
        }
        (SharingType::NotShared, _) => "NON_PUBLIC",
    }
}

/// The catalogue as one JSON-LD document.
pub fn json_ld(snapshot: &Snapshot, settings: &CatalogueSettings) -> Value {
    let view = View { snapshot, base: &settings.base_url };
    let catalogue = &snapshot.catalogue;
    json!({
        "@context": view.context(),
        "@id": format!("{}/catalogue", view.base),
        "@type": "dcat:Catalog",
        "dct:title": texts("政务数据目录", "Catalogue of government data"),
        "dct:description": texts(
            "登记的全部政务数据集，包括不予共享的数据集及其依据和下次评估日期。",
            "Every registered dataset, also those that are not shared, with their legal basis and next review.",
        ),
        "dct:publisher": agent(&view.iri("publisher", "authority"), &settings.publisher, None),
        "dct:conformsTo": { "@id": PROFILE, "@type": "dct:Standard" },
        "dct:language": [authority("language", "ZHO"), authority("language", "ENG")],
        "dct:identifier": &*snapshot.digest,
        "dcat:themeTaxonomy": { "@id": format!("{AUTHORITY}/data-theme") },
        "foaf:homepage": { "@id": format!("{}/catalogue", view.base) },
        "dcat:dataset": catalogue.datasets.values().map(|dataset| view.dataset(dataset)).collect::<Vec<_>>(),
        "dcat:service": view.services(),
    })
}

struct View<'a> {
    snapshot: &'a Snapshot,
    base: &'a str,
}

impl View<'_> {
    fn context(&self) -> Value {
        json!({
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "vcard": "http://www.w3.org/2006/vcard/ns#",
            "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
            "zhamen": format!("{}/catalogue#", self.base),
        })
    }

    fn iri(&self, kind: &str, name: &str) -> String {
        format!("{}/catalogue#{kind}-{name}", self.base)
    }

    fn dataset(&self, dataset: &Dataset) -> Value {
        let note = self.snapshot.catalogue.notes.get(&dataset.id);
        let theme = note.map_or("GOVE", |note| note.theme.code());
        let description =
            note.and_then(|note| note.description.clone()).unwrap_or_else(|| described(dataset));
        let right = access_right(dataset.sharing, dataset.level);
        let labels = dataset.labels.iter();
        let keywords: Vec<Value> =
            labels.flat_map(|label| [tagged("zh", &label.title.zh), tagged("en", &label.title.en)]).collect();
        let mut document = json!({
            "@id": self.iri("dataset", &dataset.id),
            "@type": "dcat:Dataset",
            "dct:identifier": &*dataset.code,
            "dct:title": both(&dataset.title),
            "dct:description": both(&description),
            "dct:publisher": { "@id": self.iri("department", &dataset.department) },
            "dcat:contactPoint": { "@id": self.iri("contact", &dataset.department) },
            "dcat:theme": authority("data-theme", theme),
            "dcat:keyword": keywords,
            "dct:accessRights": authority("access-right", right),
            "dct:conformsTo": { "@type": "dct:Standard", "dct:title": "GB/T 43697-2024; DB33/T 2350-2021" },
            "zhamen:level": dataset.level.code(),
            "zhamen:grade": dataset.grade.code(),
            "zhamen:sharing": dataset.sharing.code(),
            "zhamen:personal": dataset.personal,
        });
        let Some(members) = document.as_object_mut() else { return document };
        if let Some(why) = dataset.condition.as_deref().or(dataset.basis.as_deref()) {
            let rights = json!({ "@type": "dct:RightsStatement", "rdfs:label": tagged("zh", why) });
            members.insert("dct:rights".into(), rights);
        }
        if let Some(day) = self.next_review(dataset) {
            let day = json!({ "@type": "xsd:date", "@value": day });
            members.insert("zhamen:nextReview".into(), day);
        }
        let distributions = self.distributions(dataset);
        if !distributions.is_empty() {
            members.insert("dcat:distribution".into(), distributions.into());
        }
        document
    }

    fn next_review(&self, dataset: &Dataset) -> Option<String> {
        let (year, month, day) = self.snapshot.catalogue.next_reviews.get(&dataset.id)?;
        Some(format!("{year:04}-{month:02}-{day:02}"))
    }

    /// One for each interface over which others can have it.
    fn distributions(&self, dataset: &Dataset) -> Vec<Value> {
        if dataset.sharing == SharingType::NotShared {
            return Vec::new();
        }
        let distribution = |interface: Interface| {
            json!({
                "@id": self.iri("distribution", &format!("{}-{}", dataset.id, interface.code().to_lowercase())),
                "@type": "dcat:Distribution",
                "dct:title": texts(interface_zh(interface), interface.code()),
                "dcat:accessURL": { "@id": format!("{}/", self.base) },
                "dcat:accessService": { "@id": self.iri("service", &dataset.department) },
                "dct:format": authority("file-type", "JSON"),
                "dcat:mediaType": { "@id": MEDIA_TYPE },
            })
        };
        self.interfaces(dataset).into_iter().map(distribution).collect()
    }

    /// Interfaces of the routes that are not hidden, each once.
    fn interfaces(&self, dataset: &Dataset) -> Vec<Interface> {
        let routes = self.snapshot.catalogue.routes.routes().iter();
        let open = routes.filter(|route| !route.hidden && route.dataset.id == dataset.id);
        let mut interfaces: Vec<Interface> = open.map(|route| route.interface).collect();
        interfaces.sort_unstable();
        interfaces.dedup();
        interfaces
    }

    /// The data service of each department, with its agent and contact described once.
    fn services(&self) -> Vec<Value> {
        let catalogue = &self.snapshot.catalogue;
        let service = |department: &crate::catalogue::Department| {
            let served = catalogue.datasets.values().filter(|dataset| {
                dataset.department == department.code
                    && dataset.sharing != SharingType::NotShared
                    && !self.interfaces(dataset).is_empty()
            });
            let served: Vec<Value> =
                served.map(|dataset| json!({ "@id": self.iri("dataset", &dataset.id) })).collect();
            let name = &department.title;
            let title =
                Text { zh: format!("{}数据服务", name.zh), en: format!("Data service: {}", name.en) };
            let agent = agent(&self.iri("department", &department.code), name, Some(&department.code));
            let mut contact = json!({
                "@id": self.iri("contact", &department.code),
                "@type": "vcard:Organization",
                "vcard:fn": &name.zh,
            });
            if let (Some(known), Some(members)) = (&department.contact, contact.as_object_mut()) {
                let kind = match known.split(':').next() {
                    Some("mailto") => "vcard:hasEmail",
                    Some("tel") => "vcard:hasTelephone",
                    _ => "vcard:hasURL",
                };
                members.insert(kind.into(), json!({ "@id": known }));
            }
            json!({
                "@id": self.iri("service", &department.code),
                "@type": "dcat:DataService",
                "dct:title": both(&title),
                "dcat:endpointURL": { "@id": format!("{}/", self.base) },
                "dct:publisher": agent,
                "dcat:contactPoint": contact,
                "dcat:servesDataset": served,
            })
        };
        catalogue.departments.values().map(service).collect()
    }
}

pub(super) fn interface_zh(interface: Interface) -> &'static str {
    match interface {
        Interface::Verify => "核验",
        Interface::Query => "查询",
        Interface::Batch => "批量",
        Interface::File => "文件",
    }
}

/// A description out of what is registered, where nobody wrote one.
fn described(dataset: &Dataset) -> Text {
    let list = |words: Vec<&str>, joint: &str| words.join(joint);
    let zh = list(dataset.labels.iter().map(|label| label.title.zh.as_str()).collect(), "、");
    let en = list(dataset.labels.iter().map(|label| label.title.en.as_str()).collect(), ", ");
    Text { zh: format!("{}：{zh}", dataset.title.zh), en: format!("{}: {en}", dataset.title.en) }
}

fn tagged(language: &str, text: &str) -> Value {
    json!({ "@language": language, "@value": text })
}

fn texts(zh: &str, en: &str) -> Value {
    json!([tagged("zh", zh), tagged("en", en)])
}

fn both(text: &Text) -> Value {
    texts(&text.zh, &text.en)
}

fn authority(list: &str, code: &str) -> Value {
    json!({ "@id": format!("{AUTHORITY}/{list}/{code}") })
}

fn agent(iri: &str, name: &Text, code: Option<&str>) -> Value {
    let mut agent = json!({ "@id": iri, "@type": "foaf:Agent", "foaf:name": both(name) });
    if let (Some(code), Some(members)) = (code, agent.as_object_mut()) {
        members.insert("dct:identifier".into(), code.into());
    }
    agent
}

/// The catalogue as a page.
pub fn html(snapshot: &Snapshot, settings: &CatalogueSettings, language: Language) -> String {
    let view = View { snapshot, base: &settings.base_url };
    let words = |zh, en| word(language, zh, en);
    let heads = [
        words("编码", "Code"),
        words("数据集", "Dataset"),
        words("提供部门", "Department"),
        words("共享属性", "Sharing"),
        words("级别", "Level"),
        words("条件或依据", "Condition or basis"),
        words("下次评估", "Next review"),
        words("数据项", "Data items"),
        words("接口", "Interfaces"),
    ];
    let row = |dataset: &std::sync::Arc<Dataset>| -> Vec<String> {
        let department = snapshot.catalogue.departments.get(&dataset.department);
        let labels: Vec<&str> = dataset.labels.iter().map(|label| said(&label.title, language)).collect();
        vec![
            dataset.code.to_string(),
            said(&dataset.title, language).to_owned(),
            department.map_or_else(String::new, |known| said(&known.title, language).to_owned()),
            sharing(dataset.sharing, language).to_owned(),
            dataset.level.code().to_owned(),
            dataset.condition.clone().or(dataset.basis.clone()).unwrap_or_default(),
            view.next_review(dataset).unwrap_or_default(),
            labels.join(words("、", ", ")),
            view.interfaces(dataset).into_iter().map(Interface::code).collect::<Vec<_>>().join(", "),
        ]
    };
    let rows = table(&heads, snapshot.catalogue.datasets.values().map(row));
    let intro = format!(
        "<p>{} · <a href=\"/catalogue?form=jsonld\">JSON-LD (DCAT-AP 3)</a> · <a href=\"/grants\">{}</a></p>\n",
        escape(said(&settings.publisher, language)),
        words("授权登记", "Register of grants"),
    );
    page(language, words("政务数据目录", "Catalogue of government data"), &format!("{intro}{rows}"))
}

fn sharing(sharing: SharingType, language: Language) -> &'static str {
    match sharing {
        SharingType::Unconditional => word(language, "无条件共享", "Unconditional"),
        SharingType::Conditional => word(language, "有条件共享", "Conditional"),
        SharingType::NotShared => word(language, "不予共享", "Not shared"),
    }
}
