"""Names, places, words and awkward texts that made-up records are put together from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class City:
    """A city as addresses name it."""

    name: str
    province: str | None
    province_code: str | None
    zip_prefix: str


@dataclass(frozen=True, slots=True)
class Country:
    """What people of a country are called and where they live."""

    code: str
    name: str
    currency: str
    locale: str
    dial_code: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[City, ...]


COUNTRIES: tuple[Country, ...] = (
    Country(
        "US", "United States", "USD", "en-US", "+1",
        ("James", "Mary", "Robert", "Patricia", "Michael", "Linda", "Imani", "Sofía", "Anh", "De'Andre"),
        ("Smith", "Johnson", "Williams", "O'Connor", "Garcia", "Nguyen", "Fitzgerald-Jones", "Lee"),
        ("Main Street", "Oak Avenue", "5th Avenue", "Maple Drive", "Martin Luther King Jr. Blvd"),
        (City("New York", "New York", "NY", "100"), City("Austin", "Texas", "TX", "787"),
         City("San Francisco", "California", "CA", "941")),
    ),
    Country(
        "CA", "Canada", "CAD", "fr-CA", "+1",
        ("Liam", "Noémie", "Benoît", "Chloé", "Ethan", "Zoë"),
        ("Tremblay", "Côté", "MacDonald", "Roy", "Singh", "Bélanger"),
        ("Rue Sainte-Catherine", "Queen Street W", "Chemin de la Côte-des-Neiges"),
        (City("Montréal", "Quebec", "QC", "H2X "), City("Toronto", "Ontario", "ON", "M5V ")),
    ),
    Country(
        "GB", "United Kingdom", "GBP", "en-GB", "+44",
        ("Oliver", "Amelia", "Siân", "Rhys", "Isla", "Muhammad"),
        ("Jones", "Taylor", "Evans", "Khan", "Smythe-Browne"),
        ("High Street", "Church Lane", "King's Road"),
        (City("London", "England", "ENG", "SW1A "), City("Cardiff", "Wales", "WLS", "CF10 ")),
    ),
    Country(
        "DE", "Germany", "EUR", "de", "+49",
        ("Jürgen", "Anke", "Björn", "Käthe", "Lukas", "Fatma"),
        ("Müller", "Schröder", "von der Heide", "Weiß", "Yılmaz"),
        ("Königstraße", "Am Großmarkt", "Lange Straße"),
        (City("Berlin", None, None, "101"), City("München", None, None, "803")),
    ),
    Country(
        "FR", "France", "EUR", "fr", "+33",
        ("François", "Élodie", "Zoé", "Anaïs", "Jean-Luc"),
        ("Lefèvre", "d'Arc", "Benoît", "Dupont", "Ngô"),
        ("Rue de l'Église", "Avenue des Champs-Élysées", "Place d'Armes"),
        (City("Paris", None, None, "750"), City("Saint-Étienne", None, None, "420")),
    ),
    Country(
        "JP", "Japan", "JPY", "ja", "+81",
        ("太郎", "花子", "蓮", "さくら", "ケンジ"), ("佐藤", "鈴木", "高橋", "渡邉", "齋藤"),
        ("渋谷1丁目", "銀座4-5-6", "中央区本町"),
        (City("東京", "Tōkyō", "JP-13", "150-"), City("札幌市", "Hokkaidō", "JP-01", "060-")),
    ),
    Country(
        "BR", "Brazil", "BRL", "pt-BR", "+55",
        ("João", "Conceição", "Luís", "Antônia"), ("da Silva", "Gonçalves", "Araújo", "dos Santos"),
        ("Rua das Flores", "Avenida Paulista"),
        (City("São Paulo", "São Paulo", "SP", "01310-"), City("Brasília", "Distrito Federal", "DF", "70040-")),
    ),
    Country(
        "SA", "Saudi Arabia", "SAR", "ar", "+966",
        ("محمد", "فاطمة", "عبد الله", "نورة"), ("العتيبي", "القحطاني", "آل سعود"),
        ("شارع الملك فهد", "طريق العليا"),
        (City("الرياض", None, None, "112"), City("جدة", None, None, "234")),
    ),
    Country(
        "VN", "Vietnam", "VND", "vi", "+84",
        ("Thị Hương", "Văn Đức", "Quỳnh"), ("Nguyễn", "Trần", "Đặng"),
        ("Đường Lê Lợi", "Phố Huế"),
        (City("Hồ Chí Minh", None, None, "700"), City("Hà Nội", None, None, "100")),
    ),
    Country(
        "KW", "Kuwait", "KWD", "ar", "+965",
        ("أحمد", "مريم", "Yousef"), ("الصباح", "المطيري", "Al-Rashid"),
        ("شارع الخليج العربي",), (City("الكويت", "Al Asimah", "KW-KU", "130"),),
    ),
)  # fmt: skip
COUNTRY_BY_CODE = {country.code: country for country in COUNTRIES}

CUSTOMER_TAGS = (
    "VIP",
    "newsletter",
    "wholesale",
    "Lapsed",
    "b2b",
    "loyalty:gold",
    "März-Aktion",
    "日本",
    "needs review",
    "🔥 hot",
)
ORDER_TAGS = ("gift", "express", "fraud-checked", "pos", "preorder", "repeat")
PRODUCT_TAGS = (
    "summer",
    "sale",
    "organic",
    "new",
    "gift",
    "Größe XL",
    "vegan",
    "clearance",
    "limited edition",
)
VENDORS = ("Northwind", "Acme & Sons", "Ökohaus", "Maison d'Été", "山本屋", "Contoso")
PRODUCT_TYPES = ("T-Shirt", "Mug", "Poster", "Candle", "Backpack", "Coffee", "", "Gift card")
ADJECTIVES = (
    "Classic",
    "Organic",
    "Handmade",
    "Minimal",
    "Vintage",
    "Café",
    "Crème",
    "Recycled",
    "Midnight",
    "Señorita",
)
NOUNS = (
    "Tee",
    "Hoodie",
    "Mug",
    "Poster",
    "Candle",
    "Backpack",
    "Beanie",
    "Notebook",
    "Espresso Blend",
    "Gürtel",
)
SIZES = ("XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL", "5XL", "6XL")
COLORS = (
    "Black", "White", "Red", "Blue", "Green", "Rosé", "Bleu ciel", "Grün", "Silver", "Gold", "Navy", "Olive", "Sand",
    "Lilac", "Teal",
)  # fmt: skip
DISCOUNT_CODES = ("WELCOME10", "SUMMER-25", "FREESHIP", "VIP15", "GRÜEZI", "BLACKFRIDAY", "thank you 5")
COMPANIES = ("Globex Corporation", "Initech, LLC", "Müller & Söhne GmbH", "株式会社サンプル")
SOURCES = ("web", "pos", "shopify_draft_order", "580111", "iphone")

# Texts that break careless code. Never U+0000: Shopify does not store it.
AWKWARD_TEXTS = (
    "Emoji 👩‍👩‍👧‍👦 and 🏴󠁧󠁢󠁳󠁣󠁴󠁿 flags 🎉",
    "مرحبا \u202bright to left\u202c שלום",
    "e\u0301 combining, Z\u0351\u0343a\u0334\u0321l\u0322g\u0361o\u0308",
    "line\u2028separator and paragraph\u2029separator",
    '"double" \'single\' `back` \\backslash\\ {"json": [1, null]}',
    "tab\tnew line\nreturn\r\nend",
    "'; DROP TABLE contacts; --",
    "<script>alert('x')</script> & &amp; <b>bold</b>",
    "\ufeffbyte order mark, no-break\u00a0space, zero\u200bwidth",
    "NULL",
    "%s %d {0} ${env} \\N \\.",
    "𝕌𝕟𝕚𝕔𝕠𝕕𝕖 beyond the basic plane 𠜎𠜱",
    "   leading and trailing   ",
    "\x01\x1f control characters \x7f",
)
LONG_TEXT = "A very long note: " + "the customer called again about the parcel. " * 120
