"""Every widget in a real JupyterLab, light and dark, wide and narrow: ``make screenshots`` (or name some of them)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import lab

ROOT = Path(__file__).parents[2]
SETUP = """
import convo_widgets as cw
client = await cw.connect()
conversation = await client.get_conversation_by_unique_name("order-48213")
"""
READING = """
import httpx
dana, service = client, client.service
account = httpx.AsyncClient(base_url=f"{service.url}/v1", auth=(service.api_key, service.api_secret))
priya = await cw.connect(service.token("priya"), service=service)
room = await (await priya.create_conversation(friendly_name="Everything that a message can be")).join()
await room.add("dana")
await room.add("jonas")
await room.add_non_chat_participant("whatsapp:+15550101", "whatsapp:+351000000199", {"name": "Rita Fonseca"})
conversation = await dana.get_conversation_by_sid(room.sid)

async def template(**types):
    made = await account.post("/Content", json={"friendly_name": "t", "types": types})
    return made.json()["sid"]

async def rich(kind, data):
    await room.prepare_message().set_content_template(await template(**{kind: data})).build_and_send()

await account.post(f"/Conversations/{room.sid}/Messages", data={"Body": "Priya Shah began the conversation."})
old = (await (await dana.get_conversation_by_unique_name("order-48213")).get_messages(50)).items[0]
picture = cw.FileMedia(await old.media.read(), content_type="image/jpeg", filename="broken-cup.jpg")
paper = cw.FileMedia(b"%PDF-1.4", content_type="application/pdf", filename="BH-2291.pdf")
sound = cw.FileMedia(bytes(80_000), content_type="audio/mpeg", filename="voice message.mp3")
await room.prepare_message().set_body("One cup is broken, see https://track.example/48213").add_media(
    [picture, paper, sound]).build_and_send()
await rich("twilio/quick-reply", {"body": "Do you want to keep the rest?",
    "actions": [{"title": "Keep it", "id": "k"}, {"title": "Send all back", "id": "s"}]})
await rich("twilio/list-picker", {"body": "When may the van come?", "button": "Choose a time", "items": [
    {"id": "1", "item": "Morning", "description": "8 to 12"}, {"id": "2", "item": "Afternoon"}]})
await rich("twilio/location", {"latitude": 40.2033, "longitude": -8.4103, "label": "The shop in Coimbra"})
await rich("twilio/call-to-action", {"body": "Or ask us.", "actions": [
    {"type": "URL", "title": "Track it", "url": "https://track.example/48213"},
    {"type": "PHONE_NUMBER", "title": "Call the desk", "phone": "+351 210 000 000"}]})
await rich("twilio/card", {"title": "Regatta plate, 27 cm", "subtitle": "34 €", "media": ["https://img.example/plate.jpg"],
    "actions": [{"type": "QUICK_REPLY", "title": "Two, please", "id": "2"}]})
await rich("twilio/flows", {"pages": [{"id": "a", "title": "Not known here"}]})
html = "<h3>Order 48213</h3><p style='color:teal'>Your <b>new cup</b> is on its way.</p>"
await (room.prepare_message().set_subject("Your order").set_body("Your new cup is on its way.")
    .set_email_body("text/html", html).build_and_send())
listed = "**Today**\\n\\n- the *sea green* one, `SG-27`\\n- two plates\\n\\n"
await conversation.send_message(listed + "> without asking the price\\n\\n```python\\nprint(2 + 2)\\n```")
await room.send_message("السلام عليكم، وصلت الأكواب كلها سليمة. شكرًا جزيلًا! Order 48213 ✓")
await room.send_message("🎉👍")
reactions = {"heart": ["priya", "dana"], "laugh": ["jonas"]}
await conversation.send_message("Thank you all.", {"reactions": reactions})
await room.send_message("x" * 300 + " " + "Long words, and long texts. " * 1000)
await room.set_all_messages_read()
index = await conversation.send_message("This one is read by Priya only.")
await room.advance_last_read_message_index(index)
gone = await room.send_message("Never mind.")
thread = cw.Thread(conversation, height=1700, markdown=True)
"""
MANY = """
import asyncio
names = [f"{first} {last}" for first in ("Ana", "Ben", "Chloé", "Dov", "Emre", "Fatou", "Gil", "Hana", "Ines", "Jo")
         for last in ("Costa", "Diallo", "Eriksen", "Fonseca", "García", "Haddad", "Ivanova", "Jensen", "Kowal", "Li")]
people = [await cw.connect(client.service.token(name.lower().replace(" ", ".")), service=client.service)
          for name in names[:3]]
room = await (await client.create_conversation(friendly_name="All hands")).join()
for name in names:
    await room.add(name.lower().replace(" ", "."), {"name": name})
for number in range(40):
    kind, digits = ("whatsapp:", "447700900") if number % 3 else ("", "351910000")
    await room.add_non_chat_participant(kind + "+15550101", f"{kind}+{digits}{number:03}")
await room.add_non_chat_participant("desk@example.org", "lea@north.example", None, {"email": {"level": "to"}})
for number in range(30):
    await room.send_message(f"Number {number}")
mine = [await one.get_conversation_by_sid(room.sid) for one in people]
await mine[0].advance_last_read_message_index(25)
await mine[1].set_all_messages_read()
await mine[2].send_message("Hello, all")
await mine[1].typing()
for number, name in enumerate(names):
    talk = await (await client.create_conversation(friendly_name=f"Order {48000 + number}, {name}")).join()
    if number % 7:
        await talk.add_non_chat_participant("whatsapp:+15550101", f"whatsapp:+4477009001{number:02}", {"name": name})
    await talk.send_message("The parcel came open, and one cup is broken." if number % 2 else "تم الشحن، شكرًا")
    if number % 11 == 0:
        await talk.set_user_notification_level("muted")
    if number % 3 == 0:
        await talk.set_all_messages_read()
        if number % 2:
            await talk.send_message("Is anybody there?")
inbox, table = cw.Inbox(client, height=560), cw.Participants(room, height=520)
await inbox.loaded()
"""
SHOTS = {
    "inbox-many": "inbox",
    "inbox-nothing": "inbox.view_state = {'search': 'nothing like this'}\ninbox",
    "participants-many": "table",
    "participants-change": "table",
    "reading": "thread",
    "receipts": "cw.Thread(await client.get_conversation_by_unique_name('salad-bowl-24-cm'), height=1400)",
    "emails": "cw.Thread(await client.get_conversation_by_unique_name('bulk-order-400-cups'), height=900)",
    "thread": "cw.Thread(conversation)",
    "explorer": "cw.Explorer(client)",
    "inbox": "cw.Inbox(client, height=560)",
    "participants": "cw.Participants(conversation)",
    "connection": "cw.Connection(client, height=420)",
}
"""What is shown: a cell that ends with the widget, by the widget's class (cw-<name>)."""
BEFORE = {"reading": READING} | dict.fromkeys(
    ("inbox-many", "inbox-nothing", "participants-many", "participants-change"), MANY
)
"""Cells that run before it."""
AFTER = {
    "reading": "await (await room.get_messages(1)).items[0].remove()",
    "connection": """
client.service.faults.drop_connections()
await client.wait_for("connectionStateChanged", 30, lambda state: state == "connected")
await conversation.send_message("A new cup leaves today.")
await conversation.set_all_messages_read()
""",
}
"""What happens while it is shown."""
PRESSED = {
    "connection": [".cw-link-line", ".cw-event:last-child"],
    "receipts": ["button.cw-failed", "article .cw-add"],
    "inbox-many": [".cw-row-line >> nth=2", "[aria-expanded=false]"],
    "participants-change": [
        ".cw-row-line >> nth=3",
        "button:has-text('Filters')",
        "button:has-text('Add')",
        "button:has-text('Attributes')",
    ],
}
"""What is pressed before it is looked at: the last of each."""
HEIGHTS = {"reading": 1900, "receipts": 1600}
WIDTHS = {"wide": 1280, "narrow": 700}


def main(names: list[str]) -> int:
    """Exit status 0 if every cell ran; the pictures are in ``artifacts/``."""
    unknown = [name for name in names if name not in SHOTS]
    if unknown:
        print(f"There is no {unknown[0]}: choose from {', '.join(SHOTS)}.", file=sys.stderr)
        return 2
    artifacts = ROOT / "artifacts"
    artifacts.mkdir(exist_ok=True)
    errors: list[str] = []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        root = Path(scratch) / "notebooks"
        root.mkdir()
        with lab.serve(root, Path(scratch)) as url:
            browser = playwright.chromium.launch(executable_path=lab.chromium(), args=lab.CHROMIUM_ARGS)
            for name in names or SHOTS:
                lab.write_notebook(root / f"{name}.ipynb", [SETUP, BEFORE.get(name, ""), SHOTS[name]])
                high = HEIGHTS.get(name, 1000)
                page = browser.new_context(viewport={"width": 1280, "height": high}).new_page()
                notebook = lab.Notebook(page, url, f"{name}.ipynb")
                notebook.run_all()
                errors += notebook.errors()
                if errors:
                    break
                notebook.show(page.locator(".cw").first)
                if name in AFTER:
                    notebook.python(AFTER[name])
                for pressed in PRESSED.get(name, []):
                    page.locator(f".cw {pressed}").last.click()
                for theme in ("light", "dark"):
                    notebook.theme(f"JupyterLab {theme.title()}")
                    for width, pixels in WIDTHS.items():
                        page.set_viewport_size({"width": pixels, "height": high})
                        widget = page.locator(".cw").first
                        notebook.show(widget)
                        widget.screenshot(path=artifacts / f"{name}-{theme}-{width}.png")
                notebook.shut_down()
            browser.close()
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
