// Dark or light: as the system is, until the reader uses the switch. The choice is not kept: the page stores nothing.

class Theme extends EventTarget {
  #system = matchMedia("(prefers-color-scheme: dark)");
  // The rule of the style sheet with the dark colors: the switch changes its condition, so that colors are defined once.
  #rule = [...document.styleSheets[0].cssRules].find((rule) => rule.conditionText?.includes("prefers-color-scheme"));
  #condition = this.#rule.media.mediaText;
  #chosen = null;
  #onPaper = false;
  #button;

  constructor(button) {
    super();
    this.#button = button;
    button.addEventListener("click", () => {
      this.#chosen = !this.dark;
      this.#apply();
    });
    this.#system.addEventListener("change", () => this.#apply());
    // Paper is light; the canvas is redrawn for it.
    addEventListener("beforeprint", () => this.#print(true));
    addEventListener("afterprint", () => this.#print(false));
    this.#apply();
  }

  get dark() {
    return !this.#onPaper && (this.#chosen ?? this.#system.matches);
  }

  #print(onPaper) {
    this.#onPaper = onPaper;
    this.#apply();
  }

  #apply() {
    const asSystem = this.#chosen === null && !this.#onPaper;
    this.#rule.media.mediaText = asSystem ? this.#condition : this.dark ? "screen" : "not all";
    document.documentElement.style.colorScheme = this.dark ? "dark" : "light";
    this.#button.textContent = this.dark ? "Light" : "Dark";
    this.#button.setAttribute("aria-label", this.dark ? "Light colors" : "Dark colors");
    this.dispatchEvent(new Event("change"));
  }
}
