/** Stylesheets are the bundler's: it gathers them into one file for each widget. */
declare module "*.css";
