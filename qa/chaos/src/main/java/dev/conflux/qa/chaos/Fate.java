package dev.conflux.qa.chaos;

/** What a client knows of a request. */
enum Fate {
    /** Carried out. */
    OK,
    /** Certainly not carried out, and never will be. */
    FAIL,
    /** Perhaps, perhaps later. */
    UNKNOWN
}
