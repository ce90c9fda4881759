package dev.conflux.core.state;

class InMemoryStateStoreTest extends StateStoreContract {

    @Override
    protected StateStore open(String name) {
        return new InMemoryStateStore();
    }
}
