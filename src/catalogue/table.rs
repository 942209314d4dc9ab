//! The table of routes: from method and path to one route.
//!
//! A trie over segments: a search costs as much as the path is long, however many routes there are.
//! Where a literal and a capture both fit, the literal is taken. Two routes that overlap so that
//! neither is more exact are refused when the table is built, so the order of files never matters.

use super::route::Route;
use super::template::{SEGMENTS_MAX, Segment, Template};
use crate::engine::terms::Method;
use std::collections::HashMap;
use std::sync::Arc;

/// All routes.
#[derive(Debug)]
pub struct RouteTable {
    /// Never empty: the first node is the root.
    nodes: Vec<Node>,
    routes: Vec<Arc<Route>>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Arc<str>, usize>,
    capture: Option<usize>,
    /// Routes that end here, one for each method.
    ends: Vec<Arc<Route>>,
}

/// What a search found.
#[derive(Debug)]
pub enum Found<'t, 's, S> {
    Route(&'t Arc<Route>, Captures<'t, 's, S>),
    /// The path exists, the method does not: 405 with these in `Allow`. Hidden routes are left out.
    MethodNotOffered(Vec<Method>),
    None,
}

/// What the captures of a route's template hold in one path.
#[derive(Debug)]
pub struct Captures<'t, 's, S> {
    template: &'t Template,
    segments: &'s [S],
}

impl<'s, S: AsRef<str>> Captures<'_, 's, S> {
    /// The decoded segment in the place of a capture.
    pub fn get(&self, name: &str) -> Option<&'s str> {
        let (place, _) = self.template.captures().find(|(_, capture)| &***capture == name)?;
        self.segments.get(place).map(AsRef::as_ref)
    }
}

impl Default for RouteTable {
    fn default() -> Self {
        RouteTable { nodes: vec![Node::default()], routes: Vec::new() }
    }
}

impl RouteTable {
    /// Adds a route.
    ///
    /// # Errors
    /// The other route with which it overlaps so that neither is more exact.
    pub fn insert(&mut self, route: Arc<Route>) -> Result<(), Arc<Route>> {
        if let Some(other) = self.ambiguous_with(&route) {
            return Err(other);
        }
        let mut at = 0;
        for segment in route.template.segments() {
            at = self.child(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends.push(route.clone());
        }
        self.routes.push(route);
        Ok(())
    }

    /// All routes, in the order in which they were added.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route of a method and a path's decoded segments.
    pub fn find<'s, S: AsRef<str>>(&self, method: Method, segments: &'s [S]) -> Found<'_, 's, S> {
        if segments.len() > SEGMENTS_MAX {
            return Found::None;
        }
        let mut offered = Vec::new();
        match self.search(0, segments, method, &mut offered) {
            Some(route) => Found::Route(route, Captures { template: &route.template, segments }),
            None if offered.is_empty() => Found::None,
            None => {
                offered.sort_unstable();
                offered.dedup();
                Found::MethodNotOffered(offered)
            }
        }
    }

    /// Literal first, then capture; the first end that offers the method. Depth is bounded by
    /// [`SEGMENTS_MAX`].
    fn search<S: AsRef<str>>(
        &self,
        at: usize,
        rest: &[S],
        method: Method,
        offered: &mut Vec<Method>,
    ) -> Option<&Arc<Route>> {
        let node = self.nodes.get(at)?;
        let Some((segment, rest)) = rest.split_first() else {
            let found = node.ends.iter().find(|route| route.method == method);
            if found.is_none() {
                offered.extend(node.ends.iter().filter(|route| !route.hidden).map(|route| route.method));
            }
            return found;
        };
        let literal = node.literals.get(segment.as_ref());
        literal
            .and_then(|next| self.search(*next, rest, method, offered))
            .or_else(|| node.capture.and_then(|next| self.search(next, rest, method, offered)))
    }

    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let child = match segment {
            Segment::Literal(text) => *node.literals.entry(text.clone()).or_insert(next),
            Segment::Capture(_) => *node.capture.get_or_insert(next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }

    /// A route of the same method that could match the same path, neither being more exact.
    fn ambiguous_with(&self, route: &Route) -> Option<Arc<Route>> {
        let mut open = vec![(0, 0)];
        while let Some((at, depth)) = open.pop() {
            let Some(node) = self.nodes.get(at) else { continue };
            match route.template.segments().get(depth) {
                None => {
                    let other = node.ends.iter().find(|other| other.method == route.method);
                    if let Some(other) = other.filter(|other| !comparable(&route.template, &other.template)) {
                        return Some(other.clone());
                    }
                }
                Some(Segment::Literal(text)) => {
                    open.extend(node.literals.get(text).map(|next| (*next, depth + 1)));
                    open.extend(node.capture.map(|next| (next, depth + 1)));
                }
                Some(Segment::Capture(_)) => {
                    open.extend(node.literals.values().chain(&node.capture).map(|next| (*next, depth + 1)));
                }
            }
        }
        None
    }
}

/// Whether one of two overlapping templates is more exact: it has a literal in each place in which
/// the other has one, and one more.
fn comparable(left: &Template, right: &Template) -> bool {
    let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
    let pairs = || left.segments().iter().zip(right.segments());
    let only_left = pairs().any(|(left, right)| literal(left) && !literal(right));
    let only_right = pairs().any(|(left, right)| !literal(left) && literal(right));
    only_left != only_right
}

#[cfg(test)]
mod tests;
