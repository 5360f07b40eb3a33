"""The witnesses of genes in the drawer, in a browser: their signs, their texts, and the filter."""

from __future__ import annotations

MARK = "gene => getComputedStyle(gene, '::before').content.split('/')[0].trim()"
GENES = "#drawer article > .chips.for li"
SHOWN = "genes => genes.filter((gene) => gene.checkVisibility()).length"
FOCUSED = "document.activeElement.querySelector('bdi')?.textContent"


def test_every_supporting_gene_has_a_sign_and_a_text(visit):
    """A sign for each grade, no two the same; the text is in the page for screen readers, and the mouse shows it."""
    with visit("blood", "#cluster-4") as page:
        assert page.locator(GENES).count() == page.locator(f"{GENES}[data-grade] .receipt").count() > 20
        marks = {
            grade: page.locator(f"{GENES}[data-grade={grade}]").first.evaluate(MARK)
            for grade in ("exact", "nearby", "none")
        }
        assert marks == {"exact": '"●\xa0"', "nearby": '"◐\xa0"', "none": '"○\xa0"'}
        gene = page.locator(GENES, has_text="MS4A1")
        assert "stated by PanglaoDB" in gene.text_content()
        receipt = gene.locator(".receipt")
        assert receipt.bounding_box()["width"] <= 1
        gene.hover()
        assert receipt.bounding_box()["width"] > 100
        assert page.locator("#drawer .grades").inner_text().split("\n")[0].startswith("witnessed for this type")


def test_the_keyboard_goes_from_gene_to_gene(visit):
    """Tab stops once at the genes; the arrow keys show the text of each, and do not turn to another cluster."""
    with visit("blood", "#cluster-4") as page:
        names = page.locator(f"{GENES} bdi:first-child").all_inner_texts()
        assert page.locator(f"{GENES}[tabindex='0']").count() == 1
        page.locator(GENES).first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert page.evaluate(FOCUSED) == names[2]
        assert page.locator(GENES).nth(2).locator(".receipt").bounding_box()["width"] > 100
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(FOCUSED) == names[1]
        assert page.evaluate("location.hash") == "#cluster-4"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('article > .chips.for')") is None


def test_only_genes_with_a_witness(visit):
    """The filter hides the others in every list of the drawer, counts, and stays while turning; paper has all genes."""
    with visit("blood", "#cluster-4") as page:
        n, without = page.locator(GENES).count(), page.locator(f"{GENES}[data-grade=none]").count()
        assert 0 < without < n
        box = page.get_by_label("Only genes with a witness")
        box.check()
        assert page.locator(GENES).evaluate_all(SHOWN) == n - without
        assert page.locator("#witnessed-count").inner_text() == f"{n - without} of {n} supporting genes"
        assert page.locator("#drawer .chips [data-grade=none]").evaluate_all(SHOWN) == 0
        page.locator("#next").click()
        assert box.is_checked()
        assert page.locator("#drawer .chips [data-grade=none]").evaluate_all(SHOWN) == 0
        page.locator("#before").click()
        box.uncheck()
        assert page.locator(GENES).evaluate_all(SHOWN) == n
        assert page.locator("#witnessed-count").inner_text() == ""
        box.check()
        page.emulate_media(media="print")
        assert page.locator(".evidence .chips [data-grade=none]").evaluate_all(SHOWN) > without


def test_a_report_without_witnesses(visit):
    """The page of an older report has no filter, no sign and no key to signs."""
    with visit("older", "#cluster-B%20cell") as page:
        assert page.get_by_role("dialog").is_visible()
        assert page.locator("#witnessed, [data-grade], .grades").count() == 0
