"""The text model: all-MiniLM-L6-v2 fine-tuned on GoEmotions and EmoBank."""
