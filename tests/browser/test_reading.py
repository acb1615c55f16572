"""What the rows of a thread show, in a real notebook: pictures through the kernel, emails in a frame, reactions."""

from __future__ import annotations

from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import OpenNotebook

SETUP = """
import asyncio
import httpx
import convo_widgets as cw

service = cw.LocalService(seed=None)
alice = await cw.connect(service.token("alice"), service=service)
bob = await cw.connect(service.token("bob"), service=service)
conversation = await (await alice.create_conversation(friendly_name="Room")).join()
await conversation.add("bob")
joined = await bob.get_conversation_by_sid(conversation.sid)

import struct, zlib, random
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
noise = b"".join(b"\\0" + random.randbytes(3000) for _ in range(1000))
png = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1000, 1000, 8, 2, 0, 0, 0)) + chunk(
    b"IDAT", zlib.compress(noise, 0)) + chunk(b"IEND", b"")
page = "<html><script>window.hacked = 1; parent.hacked = 1</script></html>"
svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='window.hacked = 2'/>"
files = [
    cw.FileMedia(png, content_type="image/png", filename="noise.png"),
    cw.FileMedia(b"no picture", content_type="image/jpeg", filename="broken.jpg"),
    cw.FileMedia(svg.encode(), content_type="image/svg+xml", filename="drawing.svg"),
    cw.FileMedia(page.encode(), content_type="text/html", filename="../page.html"),
]
await joined.prepare_message().set_body("files").add_media(files).build_and_send()

hits = []
async def hit(reader, writer):
    hits.append(await reader.readline())
    writer.close()
spy = await asyncio.start_server(hit, "127.0.0.1", 0)
address = f"http://127.0.0.1:{spy.sockets[0].getsockname()[1]}"

html = '''<script>parent.hacked = 3</script><meta http-equiv="refresh" content="0;url=https://spy.example/meta">
<img src="https://spy.example/img" onerror="parent.hacked = 4"><link rel="stylesheet" href="https://spy.example/css">
<style>@import "https://spy.example/import"; body { background: url(https://spy.example/background) }</style>
<form action="https://spy.example/form"><button>Send</button></form><iframe src="https://spy.example/frame"></iframe>
<a href="https://spy.example/link" target="_self">A link</a><svg onload="parent.hacked = 5"></svg>
<p style="color: rgb(0, 128, 128)">Laid out</p>'''.replace("https://spy.example", address)
await joined.prepare_message().set_subject("Mail").set_body("short").set_email_body("text/html", html).build_and_send()

account = httpx.AsyncClient(base_url=f"{service.url}/v1", auth=(service.api_key, service.api_secret))
quick = {"twilio/quick-reply": {"body": "Keep it?", "actions": [{"title": "Yes, keep it", "id": "y"}]}}
made = (await account.post("/Content", json={"friendly_name": "q", "types": quick})).json()
await joined.prepare_message().set_content_template(made["sid"]).build_and_send()
await conversation.send_message("Mine")
"""


def test_what_rows_show(open_notebook: OpenNotebook, page: Page) -> None:
    """A picture of 3 MB arrives whole, nothing in files or emails runs or asks, and replies and reactions go out."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    notebook = open_notebook([SETUP, "thread = cw.Thread(conversation, height=1200)\nthread"])
    notebook.run_all()
    thread = page.locator(".cw-thread")
    notebook.show(thread)

    picture = thread.get_by_role("img", name="noise.png")
    expect(picture).to_be_visible(timeout=30_000)
    assert picture.evaluate("async image => { await image.decode(); return image.naturalWidth; }") == 1000
    assert picture.evaluate("image => image.src.startsWith('blob:')")
    expect(thread.locator(".cw-file-name", has_text="broken.jpg")).to_be_visible()
    expect(thread.locator("img")).to_have_count(1)
    for name, saved in (("drawing.svg", "drawing.svg"), ("../page.html", "_page.html")):
        with page.expect_download() as download:
            thread.get_by_role("button", name=name).click()
        assert download.value.suggested_filename == saved

    thread.get_by_role("button", name="Show the whole email").click()
    mail = thread.frame_locator("iframe.cw-email")
    expect(mail.get_by_text("Laid out")).to_have_css("color", "rgb(0, 128, 128)")
    mail.get_by_text("A link").click()
    expect(mail.get_by_text("Laid out")).to_be_visible()
    assert thread.locator("iframe.cw-email").get_attribute("sandbox") == ""
    address = notebook.python("", "address")
    page.evaluate("async url => { await fetch(url, {mode: 'no-cors'}).catch(() => null); }", address)
    assert len(notebook.python("", "hits")) == 1  # this one, so it would have heard of others
    assert page.evaluate("() => window.hacked") is None

    thread.get_by_role("button", name="Yes, keep it").click()
    expect(thread.locator("article .cw-body").get_by_text("Yes, keep it", exact=True)).to_be_visible()

    mine = thread.locator("article", has_text="Mine")
    mine.hover()
    mine.get_by_role("button", name="Add a reaction").press("Enter")
    mine.get_by_role("button", name="heart").press("Enter")
    expect(mine.get_by_role("button", name="heart, 1")).to_have_attribute("aria-pressed", "true")
    notebook.python("await joined.set_all_messages_read()")
    receipt = mine.get_by_role("button", name="Read by the recipient")
    receipt.click()
    expect(mine.get_by_role("region", name="Who got this message")).to_contain_text("bobRead")
    notebook.python("await (await conversation.get_messages(2)).items[0].remove()")
    expect(thread.get_by_text("Message deleted")).to_be_visible()
    assert notebook.errors() == []
    notebook.python("spy.close()")
    outside = [url for url in asked if not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "blob:", "data:"))]
    assert outside == []
