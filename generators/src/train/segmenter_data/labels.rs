//! What the data sets' own labels say about a pixel's class.
//!
//! Where a label is ambiguous (a suit is a jacket and trousers) the set holds every class that it can be.

use crate::region::Region;
use crate::segmenter::{Class, ClassSet};

/// Set of one of the 59 labels of the street masks.
pub fn street(label: &str) -> ClassSet {
    use Class::{Accessory, Background, Bag, Footwear, Full, Hair, Headwear, Lower, Outer, Skin, Upper};
    match label {
        "null" => ClassSet::of(&[Background]),
        "skin" => ClassSet::of(&[Skin]),
        "hair" => ClassSet::of(&[Hair]),
        "blouse" | "shirt" | "sweater" | "t-shirt" | "top" | "sweatshirt" | "hoodie" | "bra" | "intimate" => {
            ClassSet::of(&[Upper])
        }
        "coat" | "blazer" | "jacket" | "cape" => ClassSet::of(&[Outer]),
        "vest" | "cardigan" => ClassSet::of(&[Outer, Upper]),
        "jumper" | "bodysuit" => ClassSet::of(&[Full, Upper]),
        "suit" => ClassSet::of(&[Outer, Lower, Full]),
        "pants" | "jeans" | "skirt" | "shorts" | "leggings" | "stockings" | "tights" | "panties" => {
            ClassSet::of(&[Lower])
        }
        "dress" | "romper" | "swimwear" => ClassSet::of(&[Full]),
        "shoes" | "boots" | "sandals" | "loafers" | "sneakers" | "pumps" | "heels" | "flats" | "wedges" | "clogs" => {
            ClassSet::of(&[Footwear])
        }
        "bag" | "purse" | "wallet" => ClassSet::of(&[Bag]),
        "hat" => ClassSet::of(&[Headwear]),
        "accessories" | "belt" | "scarf" | "sunglasses" | "glasses" | "socks" | "tie" | "gloves" | "bracelet"
        | "necklace" | "watch" | "ring" | "earrings" => ClassSet::of(&[Accessory]),
        _ => ClassSet::ANY,
    }
}

/// How an article of the studio photos is labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Article {
    /// Classes of the article itself.
    pub garment: ClassSet,
    /// Classes that a model's photo of it can show besides background.
    pub worn: ClassSet,
    /// Whether backdrop seen through it is common (handles, straps, frames).
    pub has_holes: bool,
    /// Whether the article is mostly photographed on a person.
    pub apparel: bool,
}

/// Set of one article type of the studio photos; `None` for what is no garment.
pub fn article(article_type: &str) -> Option<Article> {
    use Class::{Accessory, Bag, Footwear, Full, Headwear, Lower, Outer, Upper};
    // Where hats are allowed, patches of shirts become hats.
    let not =
        |classes: &[Class]| ClassSet::FOREGROUND.without(ClassSet::of(classes)).without(ClassSet::of(&[Headwear]));
    let item = |class: Class| Article {
        garment: ClassSet::of(&[class]),
        worn: ClassSet::FOREGROUND,
        has_holes: true,
        apparel: false,
    };
    let worn = |garment: &[Class], worn: ClassSet| Article {
        garment: ClassSet::of(garment),
        worn,
        has_holes: false,
        apparel: true,
    };
    Some(match article_type {
        "Casual Shoes" | "Sports Shoes" | "Formal Shoes" | "Heels" | "Flats" | "Flip Flops" | "Sandals"
        | "Sports Sandals" => item(Footwear),
        "Handbags" | "Backpacks" | "Clutches" | "Laptop Bag" | "Duffel Bag" | "Messenger Bag" | "Mobile Pouch"
        | "Rucksacks" | "Waist Pouch" | "Wallets" => item(Bag),
        "Belts" | "Watches" | "Sunglasses" | "Ties" | "Socks" | "Gloves" | "Mufflers" | "Scarves" | "Stoles"
        | "Bracelet" => item(Accessory),
        "Caps" | "Hat" => item(Headwear),
        "Tshirts" | "Shirts" | "Tops" | "Sweaters" | "Sweatshirts" => worn(&[Upper], not(&[Full, Outer])),
        "Shrug" | "Waistcoat" => worn(&[Upper, Outer], not(&[Full])),
        "Jackets" | "Blazers" => worn(&[Outer], not(&[Full])),
        "Kurtas" | "Kurtis" | "Tunics" => worn(&[Upper, Full], not(&[Outer])),
        "Dresses" | "Sarees" => worn(&[Full], not(&[Upper])),
        "Jeans" | "Trousers" | "Shorts" | "Skirts" | "Track Pants" | "Capris" | "Leggings" | "Churidar"
        | "Stockings" | "Tights" => worn(&[Lower], not(&[Full])),
        "Tracksuits" => worn(&[Upper, Outer, Lower], not(&[Full])),
        _ => return None,
    })
}

/// Set of one label of the flat-lay photos: the garment's own classes; `None` for "Not sure" and "Other".
pub fn flat_lay(label: &str) -> Option<ClassSet> {
    use Class::{Footwear, Full, Headwear, Lower, Outer, Upper};
    Some(match label {
        "T-Shirt" | "Longsleeve" | "Shirt" | "Polo" | "Undershirt" | "Hoodie" | "Top" | "Blouse" => {
            ClassSet::of(&[Upper])
        }
        "Body" => ClassSet::of(&[Upper, Full]),
        "Pants" | "Shorts" | "Skirt" => ClassSet::of(&[Lower]),
        "Dress" => ClassSet::of(&[Full]),
        "Outwear" | "Blazer" => ClassSet::of(&[Outer]),
        "Shoes" => ClassSet::of(&[Footwear]),
        "Hat" => ClassSet::of(&[Headwear]),
        _ => return None,
    })
}

/// Region in which an article of the studio photos is worn, as the catalogue's taxonomy has it.
pub fn region(article_type: &str) -> Option<Region> {
    let garment = article(article_type)?.garment;
    let regions = [
        (Class::Upper, Region::Upper),
        (Class::Outer, Region::Outer),
        (Class::Lower, Region::Lower),
        (Class::Full, Region::Full),
        (Class::Footwear, Region::Footwear),
        (Class::Bag, Region::Bag),
        (Class::Headwear, Region::Headwear),
        (Class::Accessory, Region::Accessory),
    ];
    regions.into_iter().find(|(class, _)| garment.has(*class)).map(|(_, region)| region)
}
