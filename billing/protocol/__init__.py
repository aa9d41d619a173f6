"""What every act at Amazon shares: its key, its answer, its record, its crash points."""
