//! Where users of the shop come from, and where they go.

const PAGES: [&str; 12] = [
    "/",
    "/search",
    "/products",
    "/cart",
    "/sale",
    "/account",
    "/checkout",
    "/account/orders",
    "/blog",
    "/help",
    "/checkout/payment",
    "/checkout/done",
];
const WORDS: [&str; 16] = [
    "amber", "birch", "cobalt", "dusk", "ember", "fern", "granite", "hazel", "indigo", "juniper",
    "kelp", "linen", "moss", "nectar", "ochre", "pine",
];
const REFERERS: [&str; 7] = [
    "https://www.google.com/",
    "https://www.bing.com/",
    "https://duckduckgo.com/",
    "https://news.ycombinator.com/",
    "https://www.reddit.com/r/BuyItForLife/",
    "https://t.co/aZ8kQ2xY1p",
    "https://newsletter.shop.example/2026/autumn",
];
/// Where the shop is.
pub(super) const ORIGIN: &str = "https://shop.example";

/// The path of a number; the first ones are the busiest.
pub(super) fn path(number: u32) -> String {
    if let Some(page) = PAGES.get(number as usize) {
        return (*page).to_owned();
    }
    let word =
        |salt: u32| WORDS[(number.wrapping_mul(2_654_435_761).rotate_left(salt) % 16) as usize];
    match number % 4 {
        0 | 1 => format!("/products/{}-{}-{number}", word(5), word(11)),
        2 => format!("/categories/{}/{number}", word(5)),
        _ => format!("/blog/{}-and-{}-{number}", word(5), word(11)),
    }
}

/// Where a visit begins: on another site, or nowhere.
pub(super) fn referer(share: f64) -> Option<&'static str> {
    let index = (share.powi(2) * (REFERERS.len() + 3) as f64) as usize;
    index.checked_sub(3).and_then(|index| REFERERS.get(index)).copied()
}
