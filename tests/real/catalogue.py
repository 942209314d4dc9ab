"""Reads a catalogue with rdflib and checks what DCAT-AP 3 makes mandatory; prints its datasets as JSON.

usage: catalogue.py FILE
"""

import json
import sys

from rdflib import DCAT, DCTERMS, FOAF, RDF, Graph, Literal, URIRef

graph = Graph().parse(sys.argv[1], format="json-ld")


def one(subject, predicate):
    found = list(graph.objects(subject, predicate))
    assert len(found) == 1, (subject, predicate, found)
    return found[0]


def texts(subject, predicate):
    found = list(graph.objects(subject, predicate))
    assert {text.language for text in found} == {"zh", "en"} and all(found), (subject, predicate, found)
    return {text.language: str(text) for text in found}


def agent(subject):
    who = one(subject, DCTERMS.publisher)
    assert (who, RDF.type, FOAF.Agent) in graph, who
    return texts(who, FOAF.name)


for node in {node for triple in graph for node in triple if isinstance(node, URIRef)}:
    assert node.split(":")[0] in ("http", "https", "mailto", "tel"), f"not an absolute address: {node}"

[catalogue] = graph.subjects(RDF.type, DCAT.Catalog)
texts(catalogue, DCTERMS.title), texts(catalogue, DCTERMS.description), agent(catalogue)
listed = set(graph.objects(catalogue, DCAT.dataset))
assert listed == set(graph.subjects(RDF.type, DCAT.Dataset)), "every dataset is listed"

datasets = {}
for dataset in listed:
    texts(dataset, DCTERMS.description)
    distributions = list(graph.objects(dataset, DCAT.distribution))
    for distribution in distributions:
        assert (distribution, RDF.type, DCAT.Distribution) in graph
        assert isinstance(one(distribution, DCAT.accessURL), URIRef)
        service = one(distribution, DCAT.accessService)
        assert (service, RDF.type, DCAT.DataService) in graph and (service, DCAT.servesDataset, dataset) in graph
    for rights in graph.objects(dataset, DCTERMS.accessRights):
        assert isinstance(rights, URIRef), rights
    code = one(dataset, DCTERMS.identifier)
    assert isinstance(code, Literal)
    datasets[str(code)] = {
        "title": texts(dataset, DCTERMS.title),
        "publisher": agent(dataset),
        "distributions": len(distributions),
        "rights": str(one(dataset, DCTERMS.accessRights)).rsplit("/", 1)[1],
    }

for service in graph.subjects(RDF.type, DCAT.DataService):
    texts(service, DCTERMS.title)
    assert isinstance(one(service, DCAT.endpointURL), URIRef)

print(json.dumps(datasets, ensure_ascii=False))
