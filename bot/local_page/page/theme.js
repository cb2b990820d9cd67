// The colours: those of the system, until a person chooses others; the choice is remembered. It is no module, so that
// it runs before the page is drawn.

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches);

if (localStorage.theme) root.dataset.theme = localStorage.theme;

document.addEventListener("DOMContentLoaded", () => {
  const toggle = document.getElementById("theme");
  const label = () => {
    toggle.ariaLabel = toggle.title = isDark() ? toggle.dataset.light : toggle.dataset.dark;
  };
  toggle.addEventListener("click", () => {
    localStorage.theme = root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  systemIsDark.addEventListener("change", label);
  label();
});
