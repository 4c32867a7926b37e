"""What clinicians do on the site, with five seconds to think after each step. Started by tests/load/run.py."""

import io
import json
import os
import random
import re
from itertools import count
from pathlib import Path

from locust import HttpUser, between, task
from PIL import Image

SITE = json.loads(Path(os.environ["CDSS_LOAD_FILE"]).read_text())
NUMBERS = count()
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
WORDS = ("nodule", "calcification", "effusion", "fracture", "consolidation", "mass", "haemorrhage", "stenosis")
FINDINGS = (
    "A well-circumscribed 2 cm nodule with popcorn calcification in the left lower lobe. No effusion.",
    "Filling defect in the right pulmonary artery. No consolidation.",
    "Transverse fracture of the distal radius with dorsal angulation.",
    "A 5 mm calculus in the distal right ureter with hydronephrosis.",
    "Hyperdense crescent along the left convexity with midline shift of 6 mm.",
)


class Clinician(HttpUser):
    wait_time = between(4, 6)

    def on_start(self) -> None:
        self.asked: list[str] = []
        self.client.cookies.set(SITE["cookie"], SITE["sessions"][next(NUMBERS) % len(SITE["sessions"])])

    @task(3)
    def start_page(self) -> None:
        self.client.get("/", name="start")

    @task(6)
    def search(self) -> None:
        query = " ".join(random.sample(WORDS, 2))
        self.client.get("/library/", params={"q": query}, name="search")

    @task(4)
    def case(self) -> None:
        self.client.get(f"/library/cases/{random.choice(SITE['cases'])}/", name="case")
        if SITE["images"]:
            self.client.get(f"/library/images/{random.choice(SITE['images'])}/", name="image")

    @task(2)
    def document(self) -> None:
        self.client.get(f"/library/documents/{random.choice(SITE['documents'])}/", name="document")

    @task(3)
    def consult(self) -> None:
        self.ask({})

    @task(1)
    def consult_with_image(self) -> None:
        pixels = Image.effect_noise((256, 256), 40)
        data = io.BytesIO()
        pixels.save(data, "PNG")
        self.ask({"images": ("image.png", data.getvalue(), "image/png")})

    @task(4)
    def read(self) -> None:
        if self.asked:
            self.client.get(random.choice(self.asked), name="consultation")

    def ask(self, files: dict[str, tuple[str, bytes, str]]) -> None:
        form = self.client.get("/consultations/new/", name="form")
        found = TOKEN.search(form.text)
        if found is None:
            return
        data = {
            "csrfmiddlewaretoken": found[1],
            "findings": random.choice(FINDINGS),
            "age": str(random.randint(20, 90)),
        }
        name = "consult with an image" if files else "consult"
        with self.client.post(
            "/consultations/new/", data=data, files=files or None, name=name, allow_redirects=False,
            catch_response=True,
            headers={"Referer": self.host + "/consultations/new/"},
        ) as answer:  # fmt: skip
            if answer.status_code != 302:
                answer.failure(f"{answer.status_code} and not where the answer will be")
                return
        self.asked = [*self.asked[-9:], answer.headers["Location"]]
        self.client.get(self.asked[-1], name="consultation")
