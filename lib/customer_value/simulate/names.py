"""Invented names for companies and for the success managers who look after them."""

from __future__ import annotations

import numpy as np

FIRST = (
    "Alder", "Amber", "Anchor", "Arbour", "Argent", "Ashdown", "Aspen", "Aurora", "Avon", "Beacon", "Birch",
    "Blackthorn", "Blue", "Boreal", "Bramble", "Bridge", "Bright", "Calder", "Canal", "Cedar", "Chalk", "Cinder",
    "Clear", "Cobalt", "Copper", "Coral", "Crescent", "Crown", "Delta", "Dover", "Drift", "Dunmore", "Eagle",
    "Eastgate", "Ebony", "Elder", "Elm", "Ember", "Fairway", "Falcon", "Fen", "Fern", "Finch", "Flint", "Forth",
    "Foxglove", "Garnet", "Glen", "Granite", "Greenwood", "Grove", "Halcyon", "Harbour", "Hawthorn", "Hazel",
    "Heather", "Heron", "High", "Holly", "Indigo", "Iris", "Iron", "Ivory", "Jade", "Juniper", "Keel", "Kestrel",
    "Kingfisher", "Lakeside", "Lantern", "Larch", "Laurel", "Lime", "Linden", "Lowland", "Maple", "Marble", "Marlow",
    "Meadow", "Merlin", "Mill", "Moor", "North", "Oak", "Opal", "Orchard", "Osprey", "Otter", "Pearl", "Pebble",
    "Pine", "Plover", "Quarry", "Quartz", "Raven", "Red", "Reed", "River", "Robin", "Rowan", "Saffron", "Sage",
    "Sandstone", "Silver", "Slate", "Solent", "South", "Sparrow", "Spring", "Spruce", "Star", "Sterling", "Stone",
    "Summit", "Swift", "Tamar", "Tern", "Thistle", "Thorn", "Tide", "Timber", "Umber", "Upland", "Vale", "Verity",
    "Violet", "Walnut", "Wessex", "West", "Willow", "Windmill", "Wren", "Yarrow", "Yew",
)  # fmt: skip
SECOND = (
    "Analytics", "Architects", "Biotech", "Capital", "Care", "Clinics", "Components", "Consulting", "Controls",
    "Dental", "Design", "Devices", "Digital", "Electronics", "Energy", "Engineering", "Estates", "Fabrics", "Finance",
    "Foods", "Fulfilment", "Furniture", "Garments", "Goods", "Health", "Homes", "Instruments", "Insurance",
    "Interiors", "Labs", "Legal", "Lending", "Logistics", "Machines", "Media", "Mobility", "Motors", "Networks",
    "Optics", "Outdoor", "Packaging", "Partners", "Payments", "Pharma", "Plastics", "Precision", "Press",
    "Recruitment", "Research", "Robotics", "Security", "Software", "Stores", "Studio", "Supplies", "Systems",
    "Textiles", "Tools", "Trading", "Travel", "Wealth", "Works",
)  # fmt: skip
OWNERS = (
    "Amara Osei", "Ben Whitlock", "Carla Reyes", "Dev Patel", "Eilidh Munro", "Farid Haddad", "Greta Lindqvist",
    "Hugo Marchetti",
)  # fmt: skip


def companies(rng: np.random.Generator, count: int) -> list[str]:
    """`count` different company names in random order; beyond the pairs of words, names carry a number."""
    pairs = len(FIRST) * len(SECOND)
    order = np.concatenate([rng.permutation(pairs) for _ in range(-(-count // pairs))])[:count]
    return [
        f"{FIRST[pair // len(SECOND)]} {SECOND[pair % len(SECOND)]}" + (f" {number // pairs + 1}" * (number >= pairs))
        for number, pair in enumerate(order.tolist())
    ]
