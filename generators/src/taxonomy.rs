//! The catalogue's tree, department → category → article, and what the labels of each training source mean in it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Deserialize;

use crate::region::Region;
use crate::{Error, Result};

/// Name of the tree's file in the weights folder.
pub const FILE: &str = "taxonomy.toml";

/// A place in the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// The node above; none for a department.
    pub parent: Option<usize>,
    /// The articles at or below it, by index.
    pub articles: Vec<usize>,
}

/// The tree. Articles are the nodes `0..articles()`, then come categories, then departments.
#[derive(Clone, Debug)]
pub struct Taxonomy {
    nodes: Vec<Node>,
    regions: Vec<Region>,
    labels: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
}

/// The file as written: `tree.DEPARTMENT.CATEGORY.ARTICLE = region`, `labels.SOURCE.LABEL = [articles]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tree: BTreeMap<String, BTreeMap<String, BTreeMap<String, Region>>>,
    #[serde(default)]
    labels: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Taxonomy {
    /// Reads `taxonomy.toml` of a weights folder.
    ///
    /// # Errors
    /// [`Error::WeightsMissing`] without the file, [`Error::Config`] when it is malformed.
    pub fn load(weights: &Path) -> Result<Self> {
        let path = weights.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::WeightsMissing { path: path.clone() },
            _ => Error::io(&path)(error),
        })?;
        Self::parse(&text).map_err(|reason| Error::Config { path, reason })
    }

    /// Reads a tree from TOML; the reason names what is wrong.
    ///
    /// # Errors
    /// When a name stands twice, a label covers nothing or an unknown article, or two labels of a source overlap.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut articles = Vec::new();
        for (department, categories) in &file.tree {
            for (category, leaves) in categories {
                articles.extend(leaves.iter().map(|(name, region)| (department, category, name, *region)));
            }
        }
        let mut tree = Self { nodes: Vec::new(), regions: Vec::new(), labels: BTreeMap::new() };
        for &(_, _, name, region) in &articles {
            let articles = vec![tree.nodes.len()];
            tree.nodes.push(Node { name: name.clone(), parent: None, articles });
            tree.regions.push(region);
        }
        tree.add_level(0, |leaf| (articles[leaf].1, articles[leaf].0));
        tree.add_level(articles.len(), |leaf| (articles[leaf].0, articles[leaf].0));
        let mut names = HashSet::new();
        if let Some(twice) = tree.nodes.iter().find(|node| !names.insert(plain(&node.name))) {
            return Err(format!("`{}` stands twice in the tree", twice.name));
        }
        if articles.is_empty() {
            return Err("the tree has no article".into());
        }
        for (source, labels) in file.labels {
            let labels = tree.resolve(&source, labels)?;
            tree.labels.insert(source, labels);
        }
        Ok(tree)
    }

    /// Groups the nodes from `first` on under parents; `key` gives an article's (name, department) at the new level.
    fn add_level<'a>(&mut self, first: usize, key: impl Fn(usize) -> (&'a String, &'a String)) {
        let end = self.nodes.len();
        let mut known: BTreeMap<(&String, &String), usize> = BTreeMap::new();
        for child in first..end {
            let name = key(self.nodes[child].articles[0]);
            let parent = *known.entry(name).or_insert(self.nodes.len());
            if parent == self.nodes.len() {
                self.nodes.push(Node { name: name.0.clone(), parent: None, articles: Vec::new() });
            }
            self.nodes[child].parent = Some(parent);
            let articles = self.nodes[child].articles.clone();
            self.nodes[parent].articles.extend(articles);
        }
    }

    fn resolve(
        &self,
        source: &str,
        labels: BTreeMap<String, Vec<String>>,
    ) -> std::result::Result<BTreeMap<String, Vec<usize>>, String> {
        let mut owner: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut resolved = BTreeMap::new();
        for (label, names) in labels {
            let mut set = Vec::new();
            for name in &names {
                let index = self.find(name).filter(|&index| index < self.articles());
                set.push(index.ok_or_else(|| format!("{source} label `{label}`: no article `{name}`"))?);
            }
            if set.is_empty() {
                return Err(format!("{source} label `{label}` covers no article"));
            }
            set.sort_unstable();
            for &article in &set {
                // Labels may share a whole set (Tunics and Tops), but two sets that merely overlap have no sum to train on.
                if owner.entry(article).or_insert_with(|| set.clone()) != &set {
                    return Err(format!("{source} label `{label}` overlaps another label of the source"));
                }
            }
            resolved.insert(label, set);
        }
        Ok(resolved)
    }

    /// Number of articles.
    pub fn articles(&self) -> usize {
        self.regions.len()
    }

    /// Every node: articles first, then categories, then departments.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The region that a photo of an article recolours.
    pub fn region(&self, article: usize) -> Region {
        self.regions[article]
    }

    /// Names of the articles, in order.
    pub fn article_names(&self) -> Vec<String> {
        self.nodes[..self.articles()].iter().map(|node| node.name.clone()).collect()
    }

    /// The node of that name, whatever its case, spaces and hyphens.
    pub fn find(&self, name: &str) -> Option<usize> {
        let name = plain(name);
        self.nodes.iter().position(|node| plain(&node.name) == name)
    }

    /// A node and those above it, up to its department.
    pub fn upwards(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |&at| self.nodes[at].parent)
    }

    /// Names from the department down to the node.
    pub fn breadcrumb(&self, node: usize) -> Vec<String> {
        let mut names: Vec<String> = self.upwards(node).map(|at| self.nodes[at].name.clone()).collect();
        names.reverse();
        names
    }

    /// The category above an article.
    pub fn category_of(&self, article: usize) -> usize {
        self.nodes[article].parent.unwrap_or(article)
    }

    /// The department above an article.
    pub fn department_of(&self, article: usize) -> usize {
        let category = self.category_of(article);
        self.nodes[category].parent.unwrap_or(category)
    }

    /// The categories that cloth alone may make of a node: its own first, then those whose articles are worn on the same part
    /// of the body. Accessories are worn anywhere, so theirs is alone, as a department is.
    pub fn worn_like(&self, node: usize) -> Vec<usize> {
        let Some(own) = self.upwards(node).find(|&at| at >= self.articles() && self.nodes[at].parent.is_some()) else {
            return vec![node];
        };
        let regions = |at: usize| self.nodes[at].articles.iter().map(|&article| self.regions[article]);
        let alike = |at: usize| {
            regions(own).any(|one| one != Region::Accessory && regions(at).any(|other| one.worn_like(other)))
        };
        let categories = (self.articles()..self.nodes.len()).filter(|&at| self.nodes[at].parent.is_some());
        std::iter::once(own).chain(categories.filter(|&at| at != own && alike(at))).collect()
    }

    /// What a label of a training source covers; none when it is left out of the tree. The labels of a source that the
    /// file does not list are the names of articles.
    pub fn covered(&self, source: &str, label: &str) -> Option<&[usize]> {
        match self.labels.get(source) {
            Some(labels) => labels.get(label).map(Vec::as_slice),
            None => self.find(label).filter(|&node| node < self.articles()).map(|node| &self.nodes[node].articles[..]),
        }
    }
}

/// Letters and digits of a name, in lower case: catalogues write "Tshirts" and "T-Shirts" for the same.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        [tree.Apparel.Topwear]
        "Shirts" = "upper"
        "Tops" = "upper"
        [tree.Apparel.Bottomwear]
        "Jeans" = "lower"
        [tree.Footwear.Shoes]
        "Heels" = "footwear"
        [labels.studio]
        "Shirts" = ["Shirts"]
        "Anything above" = ["Tops"]
    "#;

    #[test]
    fn a_tree_knows_its_levels_and_regions() {
        let tree = Taxonomy::parse(SMALL).unwrap();
        assert_eq!(tree.articles(), 4);
        let shirts = tree.find("shirts").unwrap();
        assert_eq!(tree.find("SHIRT-S"), Some(shirts));
        assert_eq!(tree.breadcrumb(shirts), ["Apparel", "Topwear", "Shirts"]);
        assert_eq!(tree.region(tree.find("Heels").unwrap()), Region::Footwear);
        let apparel = &tree.nodes()[tree.find("Apparel").unwrap()];
        assert_eq!((apparel.articles.len(), apparel.parent), (3, None));
        assert_eq!(tree.department_of(shirts), tree.find("Apparel").unwrap());
        assert_eq!(tree.covered("studio", "Shirts"), Some([shirts].as_slice()));
        assert_eq!(tree.covered("studio", "Rings"), None);
        assert_eq!(tree.covered("own", "Shirts"), Some([shirts].as_slice()), "a source without labels names articles");
        assert_eq!(tree.covered("own", "Topwear"), None);
    }

    #[test]
    fn cloth_turns_a_jacket_into_a_shirt_but_not_into_trousers() {
        let tree = Taxonomy::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights")).unwrap();
        let alike = |name: &str| -> Vec<&str> {
            let nodes = tree.worn_like(tree.find(name).unwrap());
            nodes.into_iter().map(|node| tree.nodes()[node].name.as_str()).collect()
        };
        assert_eq!(alike("Blazers"), ["Outerwear", "One-Piece", "Topwear"]);
        assert_eq!(alike("Topwear"), ["Topwear", "One-Piece", "Outerwear"]);
        assert_eq!(alike("Skirts"), ["Bottomwear", "One-Piece"]);
        assert_eq!(alike("Dresses"), ["One-Piece", "Bottomwear", "Outerwear", "Topwear"]);
        assert_eq!(alike("Heels"), ["Shoes", "Open Footwear"]);
        assert_eq!(alike("Ties"), ["Neckwear"]);
        assert_eq!(alike("Apparel"), ["Apparel"]);
    }

    #[test]
    fn contradictions_are_named() {
        let twice = format!("{SMALL}\n[tree.Accessories.Shoes]\n\"Laces\" = \"accessory\"");
        assert!(Taxonomy::parse(&twice).unwrap_err().contains("`Shoes` stands twice"));
        let unknown = format!("{SMALL}\n\"Rings\" = [\"Rings\"]");
        assert!(Taxonomy::parse(&unknown).unwrap_err().contains("no article `Rings`"));
        let overlap = format!("{SMALL}\n\"Both\" = [\"Shirts\", \"Tops\"]");
        assert!(Taxonomy::parse(&overlap).unwrap_err().contains("overlaps"));
    }

    #[test]
    fn the_shipped_tree_is_sound() {
        let tree = Taxonomy::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights")).unwrap();
        assert!(tree.articles() >= 35);
        assert_eq!(tree.covered("clothing", "Pants").unwrap().len(), 4);
        for source in ["studio", "clothing"] {
            assert!(tree.covered(source, "Hat").is_some());
        }
    }
}
