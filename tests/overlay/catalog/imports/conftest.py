"""Files of other shops, small, in the shape that each exports."""

import pytest

SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,\
Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,\
Image Position,Variant Image,Status
shirt,Linen shirt,"<p>Woven &amp; dyed.</p><script>alert(1)</script><ul><li>Cool</li></ul>",Mill,\
Size,M,Colour,Red,S-M-R,shopify,4,25.00,30.00,https://cdn.example/a.jpg,1,https://cdn.example/r.jpg,\
active
shirt,,,,,L,,Red,S-L-R,shopify,-2,25.00,,https://cdn.example/b.jpg,2,,
shirt,,,,,,,,,,,,,https://cdn.example/c.jpg,3,,
oil,Green oil,,,Title,Default Title,,,O-1,,0,18.50,,,,,active
"""

WOO = """\
ID,Type,SKU,Name,Published,Short description,Description,In stock?,Stock,Sale price,Regular price,\
Images,Parent,Upsells,Attribute 1 name,Attribute 1 value(s)
11,simple,OIL-1,Green oil,1,,<b>Peppery</b>,1,12,"16,90","18,50",\
"https://w.example/o.jpg, https://w.example/o2.jpg",,id:12,,
12,variable,,Linen shirt,1,Cool,,1,,,,,,,Size,"M, L"
13,variation,SH-M,Linen shirt - M,1,,,1,4,,"25,00",https://w.example/m.jpg,id:12,,Size,M
14,variation,SH-L,Linen shirt - L,1,,,0,,,"26,00",,id:12,,Size,L
15,grouped,,A set,1,,,1,,,,,,,,
16,variation,,Lost,1,,,1,1,,"1,00",,id:99,,,
"""

FEED = """\
<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<title>Feed</title>
<item><g:id>oil</g:id><title>Green oil</title><description>Peppery &amp; green</description>
<g:image_link>https://m.example/o.jpg</g:image_link>
<g:additional_image_link>https://m.example/o2.jpg</g:additional_image_link>
<g:availability>in_stock</g:availability><g:price>18.50 EUR</g:price>
<g:sale_price>16.90 EUR</g:sale_price></item>
<item><g:id>sh-m</g:id><g:item_group_id>shirt</g:item_group_id><g:title>Linen shirt</g:title>
<g:size>M</g:size><g:color>red</g:color><g:availability>in stock</g:availability>
<g:price>25.00 EUR</g:price></item>
<item><g:id>sh-l</g:id><g:item_group_id>shirt</g:item_group_id><g:title>Linen shirt L</g:title>
<g:size>L</g:size><g:color>red</g:color><g:availability>out_of_stock</g:availability>
<g:price>26.00 EUR</g:price></item>
</channel></rss>
"""


@pytest.fixture
def shopify_file() -> bytes:
    return SHOPIFY.encode()


@pytest.fixture
def woo_file() -> bytes:
    return b"\xef\xbb\xbf" + WOO.encode()


@pytest.fixture
def feed_file() -> bytes:
    return FEED.encode()
