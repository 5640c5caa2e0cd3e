export { Home as default } from "../react/pages";
