"""The component that shows an answer: text whose citations can be clicked, and a button that copies it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

# The HTML comes from `marks` alone, where everything is escaped.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector("article");
  const focused = root.getRootNode().activeElement?.dataset?.cite;
  const status = parentElement.querySelector("[role=status]");
  if (status.textContent !== data.status) status.textContent = data.status;
  if (root.dataset.shown !== data.html) {
    // Read aloud once, when it is whole; not again when a citation is opened in it.
    root.setAttribute("aria-live", data.busy || root.getAttribute("aria-busy") === "true" ? "polite" : "off");
    root.innerHTML = data.html;
    root.dataset.shown = data.html;
    if (focused) root.querySelector(`[data-cite="${focused}"]`)?.focus();
  }
  root.setAttribute("aria-busy", data.busy ? "true" : "false");
  const copy = parentElement.querySelector(".copy");
  copy.hidden = data.busy || !data.plain;
  root.onclick = (event) => {
    const chip = event.target.closest("[data-cite]");
    if (chip) setTriggerValue("cited", chip.dataset.cite);
  };
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(data.plain);
      copy.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(root);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      copy.textContent = "Selected: press Ctrl-C";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  };
}
"""
_CSS = """
article { overflow-wrap: anywhere;
  color: var(--st-text-color); font: 400 1rem/1.6 var(--st-font); }
article > :first-child { margin-top: 0; }
article > :last-child { margin-bottom: .25rem; }
article table { border-collapse: collapse; display: block; overflow-x: auto; }
article th, article td { border: 1px solid var(--st-border-color); padding: .25rem .5rem; text-align: left; }
article pre { overflow-x: auto; background: var(--st-secondary-background-color); padding: .75rem;
  border-radius: .5rem; }
.chip { font: 600 .75rem/1 var(--st-font); min-width: 1.5rem; min-height: 1.5rem; padding: 0 .4rem; margin: 0;
  vertical-align: .1em; border: 1px solid var(--st-link-color); border-radius: .75rem; cursor: pointer;
  background: transparent; color: var(--st-link-color); }
.chip:hover, .chip[aria-expanded="true"] { background: var(--st-link-color); color: var(--st-background-color); }
.chip:focus-visible, .mark:focus-visible, .copy:focus-visible { outline: 3px solid var(--st-primary-color);
  outline-offset: 2px; }
.mark { position: relative; font-size: .8rem; white-space: nowrap; cursor: help; padding: 0 .2rem;
  border-radius: .25rem; color: var(--st-text-color); }
.mark.unsupported { border-bottom: 2px dotted currentColor; font-weight: 600; }
.tip { display: none; position: absolute; z-index: 5; left: 50%; bottom: 1.6em; translate: -50% 0; width: max-content;
  max-width: min(22rem, 70vw); white-space: normal; padding: .5rem .7rem; border-radius: .5rem; font-weight: 400;
  line-height: 1.4; background: var(--st-text-color); color: var(--st-background-color); }
@media (max-width: 640px) {
  .tip { position: fixed; left: 5vw; right: 5vw; top: 4.5rem; bottom: auto; translate: none;
    width: auto; max-width: none; }
}
.mark:hover .tip, .mark:focus .tip { display: block; }
.copy { font: .8rem var(--st-font); color: var(--st-text-color); background: transparent; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: .5rem; padding: .25rem .6rem; min-height: 1.75rem; }
[role=status] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
[hidden] { display: none; }
"""
_HTML = (
    '<div role="status"></div><article aria-label="Answer"></article>'
    '<button type="button" class="copy" hidden>Copy</button>'
)

_component = st.components.v2.component("ragstone_answer", html=_HTML, css=_CSS, js=_JS)


def show_answer(
    key: str,
    html: str,
    plain: str,
    *,
    stage: str = "",
    on_cited: Callable[[], None] = lambda: None,
) -> None:
    """Show an answer.

    Args:
        key: Of the component; the citation that was clicked stands in its state as `cited` (see `marks.cite`).
        html: What `marks.answer_html` made.
        plain: What the button copies.
        stage: What is being done to make it, which a screen reader is told; empty when it is whole.
        on_cited: Called when a citation was clicked.
    """
    _component(
        key=key, data={"html": html, "plain": plain, "busy": bool(stage), "status": stage}, on_cited_change=on_cited
    )
