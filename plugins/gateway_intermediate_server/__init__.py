"""The link platform (連携基盤) and the intermediate server (中間サーバー), towards the provision network."""
