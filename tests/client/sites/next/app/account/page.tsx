export { Account as default } from "../../react/pages";
